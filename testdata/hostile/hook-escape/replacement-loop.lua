-- A loop in the replacement of a gsub, and in the iterator of a for.
local function iter() return pcall(string.gsub, "x", "x", function() while true do end end) end
for _ in iter do end --# instructions
