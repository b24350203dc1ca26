-- Ending the process, starting another, reading its environment, moving its files.
-- stock: full
local found = {}
for _, name in ipairs {"execute", "exit", "getenv", "remove", "rename", "tmpname", "setlocale"} do
  if os[name] ~= nil then found[#found + 1] = name end
end
if os.getenv and os.getenv("HOSTILE_SECRET") then print("LEAKED", os.getenv("HOSTILE_SECRET")) end
print(#found) --> 0
