-- Every kind of block within every other.
-- generate
return ("do while true do repeat if x then for i = 1, 2 do for k in f do "):rep(5000) .. ("end end end until x end end "):rep(5000) --!! too many syntax levels
