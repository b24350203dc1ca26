-- Functions, fields and globals with names of a hundred kilobytes, in messages and tracebacks.
-- clock: unwatched
-- limits: instructions=20000000
local long = ("n"):rep(1e5)
local t = {[long] = function() error("inside") end}
print(#select(2, pcall(t[long])) < 1000) --> true
_G[long] = function(s) return s:rep(-1)() end
print(#select(2, xpcall(_G[long], debug and debug.traceback or tostring)) < 5000) --> true
print(#select(2, pcall(loadstring("local t = {} return t." .. long .. "()"))) < 1e6) --> true
print(#select(2, xpcall(function() t[long]() end, debug and debug.traceback or tostring)) < 1e6) --> true
