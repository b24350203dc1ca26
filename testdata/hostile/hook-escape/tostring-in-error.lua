-- A loop in the __tostring of an error that nobody catches, which the host wants to show.
error(setmetatable({}, {__tostring = function() while true do end end})) --!! table
