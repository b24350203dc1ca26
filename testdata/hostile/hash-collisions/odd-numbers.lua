-- NaN, infinities, both zeros and numbers beyond every integer as keys.
local t = {}
print((pcall(function() t[0 / 0] = 1 end)), (pcall(rawset, t, 0 / 0, 1)), t[0 / 0]) --> false	false	nil
t[1 / 0], t[-1 / 0], t[0], t[2 ^ 53], t[2 ^ 63], t[-2 ^ 63], t[1e308] = 1, 2, 3, 4, 5, 6, 7
print(t[1 / 0], t[-1 / 0], t[-0], t[2 ^ 53], t[2 ^ 63], t[-2 ^ 63], t[1e308]) --> 1	2	3	4	5	6	7
t[-0] = 8
print(t[0], next({[-0] = 1}) == 0, 1 / next({[-0] = 1})) --> 8	true	inf
