-- ... where there is none, three thousand times where there is.
-- limits: instructions=8000000
print((loadstring("function f() return ... end"))) --> nil
print(loadstring("return select('#', " .. ("(...),"):rep(100) .. "...)")(1, 2, 3)) --> 103
print(#loadstring("return {" .. ("...,"):rep(3000) .. "...}")(1, 2)) --> 3002
