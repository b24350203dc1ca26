-- Tables that were large once and are empty now, kept.
-- limits: instructions=30000000
local all = {}
for i = 1, 1e9 do
  local t = {}
  for j = 1, 1000 do t[j] = j t["k" .. j] = j end
  for j = 1, 1000 do t[j] = nil t["k" .. j] = nil end
  all[i] = t
end --# memory
