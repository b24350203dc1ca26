-- Overflows caught for ever: the memory comes back, the instructions do not.
local function deep() return 1 + deep() end
while true do pcall(deep) xpcall(deep, deep) end --# instructions
