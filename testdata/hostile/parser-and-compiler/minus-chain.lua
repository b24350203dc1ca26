-- A hundred thousand signs, which need not be the start of a comment.
-- generate
return "return " .. ("- "):rep(50000) .. "1" --!! too many syntax levels
