-- Functions that pass on all their arguments and more, until there is no stack.
-- limits: memory=67108864 instructions=8000000
local t = {}
for i = 1, 6000 do t[i] = i end
print((coroutine.resume(coroutine.create(function() local function h(...) return (h(0, unpack(t))) end return h() end)))) --> false
local function k(...) return k(unpack(t, 1, 6000), ...) end
k() --# instructions
