-- A table of sixty thousand entries as the error that ends the script.
local t = {}
for i = 1, 60000 do t[i] = i end
error(t) --!! error object
