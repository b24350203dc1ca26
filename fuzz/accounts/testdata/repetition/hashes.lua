-- Keys of all kinds, added and deleted: the order of a table, and when it is rebuilt.
local t, trail = {}, {}
local function key(i)
  if i % 5 == 0 then return {} end
  if i % 5 == 1 then return i / 3 end
  if i % 5 == 2 then return "key" .. i end
  if i % 5 == 3 then return ("long"):rep(20) .. i end
  return print and function() return i end
end
local kept = {}
for i = 1, 4000 do
  local k = key(i)
  t[k], kept[i] = i, k
  if i > 50 then t[kept[i - 50]] = nil kept[i - 50] = nil end
  if i % 400 == 0 then
    local n = 0
    for k, v in pairs(t) do n = n + 1 if n <= 5 then trail[#trail + 1] = type(k) .. ":" .. v end end
    print(i, n, table.concat(trail, " ")) trail = {}
  end
end
print(next(t))
print(t, kept, tostring(print), function() end)
