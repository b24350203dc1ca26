-- Strings of one length that differ in one bit each.
local t, n = {}, 0
for i = 0, 7999 do
  local b = {}
  for j = 1, 16 do b[j] = math.floor(i / 2 ^ (j - 1)) % 2 == 1 and "b" or "a" end
  t[table.concat(b)] = i
end
for _ in pairs(t) do n = n + 1 end
print(n) --# instructions
