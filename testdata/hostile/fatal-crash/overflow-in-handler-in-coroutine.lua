-- A stack overflow in the handler of a stack overflow, in coroutines that wait in the middle of it.
-- limits: instructions=20000000 memory=67108864
local function deep() local a, b, c = 1, 2, 3 return deep() + a end
local all = {}
for i = 1, 3 do
  all[i] = coroutine.create(function()
    return (xpcall(deep, function(e) coroutine.yield(i) return deep() end))
  end)
end
for round = 1, 3 do for i = 1, 3 do coroutine.resume(all[i]) end end
print((xpcall(deep, function(e) return e end))) --> false
