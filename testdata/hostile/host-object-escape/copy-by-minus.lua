-- Unary minus copies a struct out of its pointer, hidden fields and all.
local ok, copy = pcall(function() return -player end)
if ok then
  local ok, s = pcall(string.format, "%#v", copy)
  print("ESCAPED a copy", ok and #s)
end
print("over") --> over
