-- Six thousand arguments handed from call to call.
local t = {}
for i = 1, 6000 do t[i] = i end
local function c(...) return ... end
local function b(...) return c(...) end
for i = 1, 1e9 do b(c(b(unpack(t)))) end --# instructions
