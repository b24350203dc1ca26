-- What an object says of itself, which the host wrote for its own log.
for _, o in pairs {player, chest, vault, world.spawn("orc", 1, 2)} do
  local s = tostring(o)
  if s:find("hunter2", 1, true) or s:find("0x", 1, true) then print("LEAKED", s) end
  local ok, s = pcall(string.format, "%s", o)
  if ok and (s:find("hunter2", 1, true) or s:find("0x", 1, true)) then print("LEAKED", s) end
end
print("over") --> over
