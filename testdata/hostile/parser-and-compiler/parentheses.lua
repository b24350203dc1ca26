-- A megabyte of opening parentheses.
-- generate
return "return " .. ("("):rep(1000000) --!! too many syntax levels
