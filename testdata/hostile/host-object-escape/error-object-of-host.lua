-- An error value of Go's, with its methods and fields.
local ok, e = pcall(function() return player:Fail() end)
for _, name in ipairs {"Error", "Path", "Err", "Op", "Unwrap"} do
  local ok, v = pcall(function() return e[name] end)
  if ok and v ~= nil and type(e) == "userdata" then print("LEAKED", name) end
end
print("over") --> over
