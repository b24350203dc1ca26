-- Uncaught, and its __tostring raises another of its kind.
local mt = {}
mt.__tostring = function() error(setmetatable({}, mt)) end
error(setmetatable({}, mt)) --!! error object
