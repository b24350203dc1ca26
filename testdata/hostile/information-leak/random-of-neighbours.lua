-- Random numbers that are shared with others tell what others drew; a seed set here must not reach them.
math.randomseed(1)
local a, b = math.random(), math.random()
math.randomseed(1)
print(math.random() == a, math.random() == b) --> true	true
math.randomseed(0 / 0) math.randomseed(1e300)
