-- A comparator that makes up the order as it is asked, so that the sort has its worst case.
local n, gas, solid, val = 3000, 1e9, 0, {}
local list = {}
for i = 1, n do val[i] = gas list[i] = i end
local candidate = 1
local function less(x, y)
  if val[x] == gas and val[y] == gas then
    if x == candidate then val[x] = solid else val[y] = solid end
    solid = solid + 1
  end
  if val[x] == gas then candidate = x elseif val[y] == gas then candidate = y end
  return val[x] < val[y]
end
table.sort(list, less)
for i = 1, 1e9 do table.sort(list) table.sort(list, function(a, b) return a > b end) end --# instructions
