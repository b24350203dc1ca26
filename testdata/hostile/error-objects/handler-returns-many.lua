-- Handlers that return nothing, many values, the function that failed, a new error.
print(xpcall(error, function() end)) --> false	nil
print(xpcall(error, function() return 1, 2, 3 end)) --> false	1
print((xpcall(error, function(e) return setmetatable({}, {__tostring = error}) end))) --> false
