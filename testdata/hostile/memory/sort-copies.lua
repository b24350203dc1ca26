-- Tables under sort, held open by comparators that yield.
local t = {}
for i = 1, 1e9 do
  local list = {}
  for j = 1, 500 do list[j] = j end
  t[i] = coroutine.wrap(function() table.sort(list, function(a, b) coroutine.yield() return a < b end) end)
  t[i]()
end --# memory
