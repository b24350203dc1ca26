-- Paths of the host's in messages of files that do not exist.
-- stock: full
for _, f in ipairs {function() return loadfile("no such file") end, function() return require("no.such.module") end, function() return io.open("no such file") end, function() return dofile("/etc/shadow") end} do
  local ok, a, b = pcall(f)
  local text = tostring(a) .. tostring(b)
  if text:find("no such file:", 1, true) or text:find("/usr/", 1, true) or text:find("permission", 1, true) or text:find("./no/such", 1, true) then print("LEAKED", (text:gsub("\n", " "))) end
end
print("over") --> over
