-- Conditions of forty thousand parts, whose jumps are all patched at the end.
-- generate
return "local a, b = true, false print((a" .. (" and a or b"):rep(20000) .. "))" --> true
