-- Go's verbs in string.format, which show what no field name does.
for _, verb in ipairs {"%v", "%+v", "%#v", "%p", "%T", "%x", "%q"} do
  for _, o in pairs {player, vault, player.Bag} do
    local ok, s = pcall(string.format, verb, o)
    if ok and (s:find("token", 1, true) or s:find("hunter2", 1, true) or s:find("0x", 1, true) or s:find("hostile.", 1, true)) then print("LEAKED", verb, s) end
  end
end
print("over") --> over
