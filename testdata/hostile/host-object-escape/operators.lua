-- Every operator there is on objects and handles: but for reading what is not there, none works.
local n = 0
local u = world.spawn("orc", 1, 2)
for _, o in pairs {player, chest, vault, u} do
  for _, f in ipairs {
    function() return o + 1 end, function() return o .. "x" end, function() return o < o end, function() return o <= chest end,
    function() return #o end, function() return o() end, function() return o[1] or {} + 1 end, function() return o[{}] or {} + 1 end,
    function() o[1] = 1 end, function() o.new = 1 end, function() return o % 2 end, function() return -o end, function() for _ in o do end end,
    function() return o ^ 2 end, function() for _ in pairs(o) do n = n + 1 end end, function() return next(o) end, function() return rawget(o, "HP") end,
    function() rawset(o, "HP", 1) end, function() setmetatable(o, {}) end,
  } do if pcall(f) then n = n + 1 end end
end
print(n) --> 0
