-- Things that are no function where a function should be, and functions that return nonsense.
local n = 0
for _, f in pairs {1, "x", {}, setmetatable({}, {__call = print}), player} do if pcall(player.Each, player, 1, f) then n = n + 1 end end
for _, r in pairs {"x", {}, print, 0 / 0, 1e300, 1.5} do if pcall(player.Each, player, 1, function() return r end) then n = n + 1 end end
print(n) --> 0
