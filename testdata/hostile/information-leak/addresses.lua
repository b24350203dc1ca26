-- Addresses of tables, functions and coroutines, which tell where the host's memory is.
for _, v in ipairs {{}, function() end, coroutine.create(function() end), print, string.rep, _G} do
  local s = tostring(v)
  if s:match("0x%x+") or s:match("%x%x%x%x%x%x%x%x%x%x") then print("LEAKED", s) end
end
print("over") --> over
