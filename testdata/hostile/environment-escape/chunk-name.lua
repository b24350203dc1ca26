-- Chunk names that pretend to be a file of the host's, with lines of their own.
for _, name in ipairs {"@/srv/core/permissions.lua", "=core", "=[C]", "@x\n[host] ok", "=\27[2J", "core.lua:1: "} do
  local f = loadstring("error('x')", name)
  local _, e = pcall(f)
  if not e:find('^%[string "') or e:find("\n") or e:find("\27") or e:find("/srv") then print("ESCAPED", e) end
end
print(select(2, loadstring("x x", "@core.lua"))) --> [string "core.lua"]:1: unexpected symbol near 'x'
