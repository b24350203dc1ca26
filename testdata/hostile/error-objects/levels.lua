-- Levels that are negative, huge, fractions and no numbers.
print(pcall(error, "x", -5)) --> false	x
print(pcall(error, "x", 1e9)) --> false	x
print((pcall(error, "x", {}))) --> false
print((pcall(error, "x", 0 / 0))) --> false
local function f() error("deep", 2) end
f() --! deep
