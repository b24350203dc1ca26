-- pcall within pcall, each of which would swallow the end of the budget.
local function spin() while true do pcall(function() pcall(function() while true do end end) end) end end
while true do pcall(spin) end --# instructions
