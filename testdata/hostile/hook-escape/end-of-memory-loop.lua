-- The end of the memory, caught and tried again from a coroutine and a handler.
-- limits: instructions=20000000
local function hog() local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end end
while true do pcall(hog) xpcall(hog, hog) coroutine.wrap(hog)() end --# memory
