-- A hundred thousand times not.
-- generate
return "return " .. ("not "):rep(100000) .. "true" --!! too many syntax levels
