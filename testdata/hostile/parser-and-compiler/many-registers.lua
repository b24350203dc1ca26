-- A call with three hundred arguments, and an assignment to three hundred names.
-- generate
return "print(select('#', " .. ("1,"):rep(299) .. "1))" --!! too complex
