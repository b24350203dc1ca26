-- Methods without their object, with nil, with a number, with a class.
local u = world.spawn("orc", 1, 2)
local n = 0
for _, f in pairs {player.Heal, player.Inventory, chest.Put, u.Name, u.Strike} do
  for _, self in pairs {1, "x", {}, print} do if pcall(f, self, 1) then n = n + 1 end end
  if pcall(f) or pcall(f, nil) or pcall(f, nil, nil) then n = n + 1 end
end
print(n) --> 0
print((pcall(u.Strike, u, nil))) --> false
