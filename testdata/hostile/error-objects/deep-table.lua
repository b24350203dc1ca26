-- A table fifty thousand levels deep.
-- limits: instructions=8000000
local t = {}
for i = 1, 50000 do t = {t} end
error(t) --!! error object
