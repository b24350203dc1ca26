-- Backward jumps past closures: each turn's variable is another one.
local t, i = {}, 1
::again::
do local x = i t[i] = function() x = x + 1 return x end end
i = i + 1
if i <= 3 then goto again end
print(t[1](), t[1](), t[2](), t[3]()) --> 2	3	3	4
