-- A hundred thousand frontiers, optional items and escapes in one pattern.
-- limits: instructions=20000000
print((pcall(string.find, "%", ("%"):rep(99999)))) --> true
print((pcall(string.find, "x", ("["):rep(100000)))) --> false
print((pcall(string.find, "", ("x*"):rep(10000)))) --> true
print((pcall(string.find, "", ("%f[%z]"):rep(10000)))) --> true
