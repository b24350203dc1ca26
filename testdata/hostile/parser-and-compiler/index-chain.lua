-- A field of a field, thirty thousand times, and methods.
-- generate
return "local t = {} t.t = t function t:m() return self end print(t" .. (".t"):rep(30000) .. (":m()"):rep(10000) .. " == t)" --> true
