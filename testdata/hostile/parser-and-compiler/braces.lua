-- A megabyte of table constructors in table constructors.
-- generate
return "return " .. ("{"):rep(500000) .. ("}"):rep(500000) --!! too many syntax levels
