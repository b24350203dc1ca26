-- A hundred thousand powers, which nest to the right.
-- generate
return "return 1" .. ("^1"):rep(50000) --!! too many syntax levels
