-- The same through a metamethod, uncaught.
local t = setmetatable({}, {__index = function(t, k) return function() error("no " .. k) end end})
t[""]() --!! no 
