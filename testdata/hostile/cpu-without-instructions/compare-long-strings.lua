-- Comparing strings of a megabyte that differ in their last byte.
-- limits: instructions=3000000
local a, b = ("x"):rep(1e6) .. "a", ("x"):rep(1e6) .. "b"
for i = 1, 1e9 do local _ = a < b, a == b, a >= b end --# instructions
