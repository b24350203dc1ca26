-- An uncaught error whose __tostring does not end: the host that shows it must not run it.
error(setmetatable({}, {__tostring = function() while true do end end})) --!! error object
