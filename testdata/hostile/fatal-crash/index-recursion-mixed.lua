-- __index, __newindex, __concat, __eq, __lt, __le, __unm and __len that all end in each other.
local mt, t, u = {}, {}, {}
local function again() return t .. u == -t end
mt.__index = function(_, k) return t[k .. "x"] end
mt.__newindex = function(_, k, v) t[k] = v end
mt.__concat = function(x, y) return x < y end
mt.__lt = function(x, y) return x <= y end
mt.__le = function(x, y) return x == y and true or -x end
mt.__unm = function(x) return x .. x end
mt.__eq = function(x, y) return x.field end
mt.__call = again
setmetatable(t, mt)
setmetatable(u, mt)
for name, f in pairs {
  index = function() return t.k end, newindex = function() t.k = 1 end, call = function() return t() end,
} do
  local ok, e = pcall(f)
  print(ok, #e < 400)
end
--> false	true
--> false	true
--> false	true
