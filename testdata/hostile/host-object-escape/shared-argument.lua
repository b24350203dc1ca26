-- A table that is small and stands for a billion elements when it is copied.
-- limits: instructions=50000000 memory=67108864
local t = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
for i = 1, 12 do t = {t, t, t, t, t, t, t, t, t, t} end
world.echo(t) --! bad argument
