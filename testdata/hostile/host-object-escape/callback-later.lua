-- A callback that Go keeps and calls when the script is long over.
pcall(player.Later, player, function() while true do end end)
pcall(player.Later, player, function() error("late") end)
print("over") --> over
