-- A call of the result of a call of the result, forty thousand times.
-- generate
return "local f = setmetatable({}, {__call = function(s) return s end}) print(f" .. ("()"):rep(40000) .. " == f)" --> true
