-- The table of globals with a metatable that answers for everything, a library's names too.
setmetatable(_G, {__index = function(_, k) return function() return "fake " .. k end end, __newindex = function(t, k, v) rawset(t, k, nil) end})
print(undefined()) --> fake undefined
x = 1
print(type(x), rawget(_G, "x")) --> function	nil
print(loadstring("return y()")()) --> fake y
