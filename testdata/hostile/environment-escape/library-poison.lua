-- Overwriting what every sandbox shares, raw and otherwise; the neighbours are looked at.
for _, lib in pairs {string, table, math, os, coroutine, bit32, debug, _G} do
  for k, v in pairs(lib) do
    if type(v) == "function" and v ~= rawset and v ~= pairs and v ~= next and v ~= type and v ~= print and v ~= tostring then
      rawset(lib, k, function() return "poison" end)
    end
  end
end
string.evil, table.evil = "poison", {}
print(("x"):rep(3)) --> xxx
print(string.rep("x", 3)) --> poison
