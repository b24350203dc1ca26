-- Clocks that differ on each run. (The command has the machine's: there it is only looked at.)
local a, b, c = os.time(), os.clock(), os.date()
print(type(a), type(b), type(c)) --> number	number	string
if not arg then print(a, b < 1, c) else print("946684800	true	Sat Jan  1 00:00:00 2000") end --> 946684800	true	Sat Jan  1 00:00:00 2000
