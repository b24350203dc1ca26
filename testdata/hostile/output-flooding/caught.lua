-- The end of the output, caught and tried again.
-- limits: output=11
while true do pcall(print, "0123456789") end --# output
--> 0123456789
