-- Numeric loops whose step is nothing, too small to count, infinite or no number.
local n = 0
for i = 1, 3, 0 / 0 do n = n + 1 end
for i = 0 / 0, 1 do n = n + 1 end
for i = 1, 0 / 0 do n = n + 1 end
for i = 1 / 0, 1 do n = n + 1 end
for i = 1, -1 / 0, 1 do n = n + 1 end
print(n) --> 0
for i = 2 ^ 53, 2 ^ 53 + 10 do n = n + 1 if n > 100 then break end end
print(n) --> 101
for i = 1, 2, 1e-320 do end --# instructions
