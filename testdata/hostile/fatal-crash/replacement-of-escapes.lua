-- A replacement of two million escapes.
-- limits: instructions=200000000
print(#("x"):gsub("x", ("%%"):rep(2000000))) --> 2000000
print((pcall(string.gsub, "x", "x", ("%9"):rep(1000000)))) --> false
