-- Sums of fifty thousand terms: a constant folder must not be quadratic.
-- generate
return "local x = 1 print(x" .. ("+1"):rep(50000) .. ")" --> 50001
