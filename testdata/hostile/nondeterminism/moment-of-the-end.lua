-- How far a loop gets before its budget ends, told by what it printed.
-- limits: instructions=10000
local n = 0
while true do n = n + 1 if n % 500 == 0 then print(n) end end --# instructions
--> 500
--> 1000
--> 1500
--> 2000
