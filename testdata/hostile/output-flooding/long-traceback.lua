-- A traceback with names of a hundred kilobytes at each of its levels.
-- limits: instructions=20000000
local name = ("f"):rep(100000)
local t = {}
t[name] = function(n)
  if n == 0 then error("end") end --! end
  return (t[name](n - 1))
end
t[name](50)
