-- The metatable behind a handle, read, written, called.
local u = world.spawn("orc", 1, 2)
for _, o in pairs {player, vault, u} do
  local mt = getmetatable(o)
  if type(mt) == "table" then
    local ok = pcall(function() mt.__index = function() return print end end)
    if ok and o.anything then print("ESCAPED the metatable was written") end
    for k, v in pairs(mt) do
      if type(v) == "function" then pcall(v, vault, {}) pcall(v, {}, vault) pcall(v, vault, "Gold", 0) end
      if type(v) == "table" then for k, f in pairs(v) do if type(f) == "function" then pcall(f, vault) end end end
    end
  end
end
print("over") --> over
