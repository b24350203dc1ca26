-- A pattern of half a million captures, open and closed.
-- limits: instructions=40000000
print((pcall(string.match, "x", ("(()"):rep(500000)))) --> false
print((pcall(string.gsub, "x", ("("):rep(1500000), ""))) --> false
