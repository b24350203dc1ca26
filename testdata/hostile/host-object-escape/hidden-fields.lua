-- Fields with every spelling, hidden, unexported, of embedded structs, by number.
for _, name in ipairs {"Pass", "pass", "token", "Token", "account", "Email", "email", "Load", "load", "Log", "log", "later", "Mutex", "String", "string", 1, 0, -1} do
  local ok, v = pcall(function() return player[name] end)
  if ok and v ~= nil then print("LEAKED", name, type(v)) end
end
print("over") --> over
