-- Tables, functions and coroutines as keys, in the order in which their small numbers grow.
local t, n, keys = {}, 0, {}
for i = 1, 1500 do local k = i % 3 == 0 and {} or i % 3 == 1 and function() return i end or coroutine.create(function() end) keys[i] = k t[k] = i end
for i = 1, 1500 do if t[keys[i]] == i then n = n + 1 end end
print(n) --> 1500
