-- What tostring shows of objects, used as keys, for sorting and as a seed.
local s = 0
for i = 1, 100 do s = s + #tostring({}) + tonumber((tostring(function() end):match("(%x+)$")), 16) end
print(s) --> 11600
