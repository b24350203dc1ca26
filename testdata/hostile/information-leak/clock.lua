-- A clock that is fine enough to tell what the host's cache holds.
local a, n = os.clock(), 0
for i = 1, 1000 do local b = os.clock() if b ~= a then n = n + 1 a = b end end
print(type(n)) --> number
if not arg then print(os.time() == os.time{year = 2000, month = 1, day = 1, hour = 0}) else print(true) end --> true
