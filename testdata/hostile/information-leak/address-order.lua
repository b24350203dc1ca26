-- Tables sorted by what tostring shows of them: the order of allocation must not show the host's heap.
local t, bad = {}, 0
for i = 1, 50 do t[i] = {} tostring(t[i]) end
for i = 2, 50 do if tostring(t[i - 1]) >= tostring(t[i]) then bad = bad + 1 end end
print(bad) --> 0
