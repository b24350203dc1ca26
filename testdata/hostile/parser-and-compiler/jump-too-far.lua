-- A loop around more code than a jump of sixteen bits reaches.
-- generate
return "local x = 0 for i = 1, 3 do if i == 2 then break end " .. ("x = x + 1 "):rep(40000) .. "end print(x)" --> 40000
