-- Keys that move between array and hash as a table grows and shrinks at both ends.
local t, n = {}, 0
for round = 1, 20 do
  for i = 200, 1, -1 do t[i] = i end
  for i = 1, 200, 2 do t[i] = nil end
  for i = -50, 400, 3 do t[i] = i end
  for i = 1, 400 do t[i] = nil end
  for i = -50, 0 do t[i] = nil end
  if next(t) ~= nil then n = n + 1 end
end
print(n, #t) --> 0	0
