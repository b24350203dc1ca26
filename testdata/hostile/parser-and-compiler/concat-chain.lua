-- Fifty thousand strings joined, which nest to the right too, and are legal.
-- generate
return "local s = 'x' print(#(s" .. ("..s"):rep(50000) .. "))" --> 50001
