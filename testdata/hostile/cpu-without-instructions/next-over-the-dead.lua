-- A queue in a table: each first key is behind all those that were deleted.
local t = {}
for i = 1, 20000 do t["k" .. i] = i end
for i = 1, 1e9 do
  local k = next(t)
  if k then t[k] = nil end
  t["k" .. i] = i
end --# instructions
