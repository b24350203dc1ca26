-- Calls in the arguments of calls.
-- generate
return "local function f() end return " .. ("f("):rep(100000) .. (")"):rep(100000) --!! too many syntax levels
