-- The control values of iterators, handed to other iterators, raw and out of turn.
local f, s, i = pairs({10, 20})
print(f == next, f(s, 2), pcall(f, s, "no such key")) --> true	nil	false	invalid key to 'next'
local g, t, z = ipairs({10, 20})
print(g(t, 1), g(t, 2 ^ 53), pcall(g), (pcall(g, "x", 1))) --> 2	nil	false	false
local m = ("abc"):gmatch("%a")
print(m("x", "y"), m(print), m({}), m()) --> a	b	c
