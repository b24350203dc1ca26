-- Numbers that do not fit: too large, negative, with a fraction, not a number.
local u = world.spawn("orc", 1, 2)
local n = 0
for _, x in ipairs {256, -1, 1.2345, 2 ^ 53 + 2, 1e300, -1e300, 1 / 0, 0 / 0, "x"} do
  if pcall(player.Heal, player, x) then n = n + 1 end
  if pcall(world.slot, type(x) == "number" and x * 1000 or x) then n = n + 1 end
  if pcall(function() u.hp = x end) then n = n + 1 end
end
print(n) --> 0
