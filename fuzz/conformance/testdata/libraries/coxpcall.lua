require "coxpcall"
print(copcall(function(...) return ... end, 1, nil, 3))
print(copcall(error, "e", 0))
print(coxpcall(function() error("x", 0) end, function(m) return "handled " .. m end))
local co = coroutine.wrap(function(...)
  print("in", ...)
  print(copcall(function() print(coroutine.yield(1)) print(coroutine.yield(2)) return "done" end))
  return "end"
end)
print(co("a")) print(co("b")) print(co("c"))
