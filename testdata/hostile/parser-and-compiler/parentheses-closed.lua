-- Half a megabyte of parentheses around a number.
-- generate
return "return " .. ("("):rep(250000) .. "1" .. (")"):rep(250000) --!! too many syntax levels
