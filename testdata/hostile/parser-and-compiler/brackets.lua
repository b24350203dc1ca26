-- Indices in indices, a hundred thousand deep.
-- generate
return "local a = {} return " .. ("a["):rep(100000) .. "1" .. ("]"):rep(100000) --!! too many syntax levels
