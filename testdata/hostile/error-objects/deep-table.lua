-- A table fifty thousand levels deep.
local t = {}
for i = 1, 50000 do t = {t} end
error(t) --!! error object
