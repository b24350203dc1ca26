-- An error that crosses a hundred coroutines, each of which adds to it.
local function nest(n)
  if n == 0 then error({}) end
  local co = coroutine.create(nest)
  local ok, e = coroutine.resume(co, n - 1)
  e[#e + 1] = n
  error(e)
end
local ok, e = pcall(nest, 100)
print(ok, #e) --> false	100
