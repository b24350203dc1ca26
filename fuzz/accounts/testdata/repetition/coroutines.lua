-- Coroutines that wait, end and fail, more of them than may live at a time.
local all, made, failed = {}, 0, 0
for round = 1, 40 do
  for i = 1, 10 do
    local ok, co = pcall(coroutine.create, function(a)
      local t = {}
      for j = 1, 5 do t[j] = {coroutine.yield(a + j)} end
      if i == 3 then error({code = i}) end
      return #t
    end)
    if ok then made = made + 1 all[(round * 10 + i) % 16 + 1] = co end
  end
  for i, co in pairs(all) do
    local ok, v = coroutine.resume(co, i)
    if not ok then failed = failed + 1 end
    if i % 5 == 0 then print(round, i, ok, tostring(v), coroutine.status(co)) end
  end
end
print(made, failed)
