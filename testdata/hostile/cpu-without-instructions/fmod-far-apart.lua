-- Remainders of numbers that are two thousand binary places apart.
local x, y = 1.7976931348623157e308, 4.9406564584124654e-324
for i = 1, 1e9 do local _ = math.fmod(x, y), x % y, -x % y end --# instructions
