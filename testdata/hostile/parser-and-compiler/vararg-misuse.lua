-- ... where there is none, ten thousand times where there is.
print((loadstring("function f() return ... end"))) --> nil
print(loadstring("return select('#', " .. ("(...),"):rep(100) .. "...)")(1, 2, 3)) --> 103
print(#loadstring("return {" .. ("...,"):rep(3000) .. "...}")(1, 2)) --> 3002
