-- assert with tables, functions, nothing, and a hundred arguments.
print((pcall(assert, false, {}))) --> false
print(pcall(assert, nil)) --> false	assertion failed!
print((pcall(assert))) --> false
print(select("#", assert(unpack({true, 2, 3}, 1, 100)))) --> 100
print((pcall(assert, false, setmetatable({}, {__tostring = function() while true do end end})))) --> false
