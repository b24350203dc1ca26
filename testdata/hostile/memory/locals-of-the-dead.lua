-- A string in each register of functions that return, and of coroutines that die.
-- limits: instructions=30000000 memory=8388608
for i = 1, 100 do
  local f = loadstring("local s = ... local a, b, c, d, e = s .. 1, s .. 2, s .. 3, s .. 4, s .. 5 return #a")
  f(("x"):rep(100000))
  coroutine.wrap(f)(("x"):rep(100000))
end
print(collectgarbage("count") < 8192 * 1.25) --> true
