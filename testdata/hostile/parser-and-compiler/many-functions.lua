-- Three thousand functions, each with a function in it.
-- generate
return "local n = 0 " .. ("(function() return (function() n = n + 1 end)() end)(); "):rep(3000) .. "print(n)" --> 3000
