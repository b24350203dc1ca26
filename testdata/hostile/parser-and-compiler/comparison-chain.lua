-- Comparisons of comparisons.
-- generate
return "local a = 1 print(a" .. (" == a ~= a"):rep(20000) .. ")" --> true
