-- Every way to a file that Lua ever had.
-- stock: full
local found = {}
for _, name in ipairs {"io", "dofile", "loadfile", "require", "module", "package", "newproxy", "file"} do
  if _G[name] ~= nil then found[#found + 1] = name end
end
if io and io.open and io.open("/etc/hostname") then print("ESCAPED a file was read") end
if loadfile and pcall(loadfile, "/etc/hostname") then print("ESCAPED a file was looked at") end
print(#found, table.concat(found, " ")) --> 0	
