-- A script that counts what it has left and stops just before, then tells what it learnt.
-- limits: instructions=100000
local before = os and os.clock and os.clock() or 0
local n = 0
pcall(function() while true do n = n + 1 end end)
print("ESCAPED", n) --# instructions
