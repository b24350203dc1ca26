-- A million anchors, frontiers and escapes in one pattern.
-- limits: instructions=100000000
print((pcall(string.find, "x", ("%"):rep(999999)))) --> false
print((pcall(string.find, "x", ("["):rep(1000000)))) --> false
print((pcall(string.find, "", ("x*"):rep(500000)))) --> true
print((pcall(string.find, "", ("%f[x]"):rep(200000)))) --> true
