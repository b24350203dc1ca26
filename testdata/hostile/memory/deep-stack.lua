-- A stack that holds a string at each level, over and over.
-- limits: instructions=20000000
local function f(n, ...) local s = ("y"):rep(20000) .. n return 1 + f(n + 1, s, ...) end while true do pcall(f, 1) end --# memory
