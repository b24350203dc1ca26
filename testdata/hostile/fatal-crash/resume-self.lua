-- A coroutine resumes itself, its resumer, and one that is dead.
local co
co = coroutine.create(function()
  print((coroutine.resume(co))) --> false
  print((coroutine.resume(coroutine.running()))) --> false
  local wrapped = coroutine.wrap(function() return coroutine.resume(co) end)
  print((wrapped())) --> false
  print((pcall(wrapped))) --> false
end)
print((coroutine.resume(co))) --> true
for i = 1, 3 do print(coroutine.resume(co)) end
--> false	cannot resume dead coroutine
--> false	cannot resume dead coroutine
--> false	cannot resume dead coroutine
