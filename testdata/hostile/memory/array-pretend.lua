-- Keys inserted so that a table takes them for half an array, which is then abandoned.
-- limits: instructions=20000000
local all = {}
for i = 1, 1e9 do
  local t = {}
  for e = 0, 12 do t[2 ^ e] = true end
  for e = 0, 12 do t[2 ^ e + 1] = true end
  all[i] = t
end --# memory
