-- A hundred thousand length operators.
-- generate
return "return " .. ("#"):rep(100000) .. "''" --!! too many syntax levels
