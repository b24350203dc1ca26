-- Numbers whose digits take long arithmetic, in every directive.
local big, small = 1.7976931348623157e308, 4.9406564584124654e-324
for i = 1, 1e9 do local _ = ("%99.99f%.99e%.99g"):format(big, small, big) end --# instructions
