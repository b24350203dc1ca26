-- select over six thousand arguments, one after the other.
local function f(...) for i = 1, select("#", ...) do local _ = select(i, ...) end end
local t = {}
for i = 1, 6000 do t[i] = i end
for i = 1, 1e9 do f(unpack(t)) end --# instructions
