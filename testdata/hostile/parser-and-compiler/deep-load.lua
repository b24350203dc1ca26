-- The same nesting by load, in pieces of one byte each.
-- limits: instructions=10000000
local n = 0
local f, e = load(function() n = n + 1 return n < 20000 and "(" or nil end)
print(f, e:find("levels") ~= nil) --> nil	true
