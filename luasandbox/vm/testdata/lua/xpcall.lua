-- xpcall: the handler runs at the point of the error; what if it fails itself.
local function h(e) return "handled: " .. tostring(e) end
print(xpcall(function() return 1, 2, 3 end, h))
print(xpcall(function() error("x", 0) end, h))
print(xpcall(function() error("x") end, h))
print(xpcall(function() error() end, h))
print(xpcall(function() local x; x() end, h))
print(xpcall(function() error({}) end, function(e) return type(e) end))
print(xpcall(function() error("many") end, function(e) return 1, 2, 3 end))
print(xpcall(function() error("none") end, function(e) end))
print(select("#", xpcall(function() error("none") end, function(e) end)))
print(xpcall(function() end, h))
print(pcall(xpcall))
print(pcall(xpcall, print))
print(xpcall(function() error("x") end, nil))
print(xpcall(function() error("x") end, 5))
print(xpcall(function() error("x") end, {}))
print(xpcall(function() error("x") end, setmetatable({}, {__call = h})))
print(xpcall(print, h))
print(xpcall(error, h))
print(xpcall(nil, h))
print(xpcall(5, h))

-- a handler that fails
print(xpcall(function() error("first") end, function(e) error("second") end))
print(xpcall(function() error("first") end, function(e) local x; return x.y end))
print(xpcall(function() error("first") end, error))
print(xpcall(function() error("first", 0) end, print))

-- a handler that protects itself
print(xpcall(function() error("first", 0) end, function(e)
  local ok, e2 = pcall(error, "inner", 0)
  return e .. "/" .. tostring(ok) .. "/" .. e2
end))
print(xpcall(function() error("first", 0) end, function(e)
  local ok, e2 = xpcall(function() error("inner", 0) end, function(e) return "<" .. e .. ">" end)
  return e .. "/" .. tostring(ok) .. "/" .. e2
end))
print(xpcall(function() error("first", 0) end, function(e)
  local ok, e2 = xpcall(function() error("inner", 0) end, function(e) error("bad handler") end)
  return e .. "/" .. tostring(ok) .. "/" .. e2
end))

-- nested xpcalls: each error goes to the nearest handler
print(xpcall(function()
  print(xpcall(function() error("in", 0) end, function(e) return "H1:" .. e end))
  error("out", 0)
end, function(e) return "H2:" .. e end))
print(xpcall(function()
  local ok, e = pcall(error, "caught", 0)
  error("again " .. e, 0)
end, h))
print(pcall(function() print(xpcall(function() error("a", 0) end, h)) error("b", 0) end))

-- the handler of an outer xpcall does not see what an inner pcall caught
local seen = 0
print(xpcall(function() for i = 1, 3 do pcall(error, i) end return "fine" end, function() seen = seen + 1 end))
print(seen)

-- stack overflow, with a handler
local function inf() return 1 + inf() end
print(xpcall(inf, function(e) return type(e), #e > 0 end))
print((select(2, xpcall(inf, function(e) return (e:gsub("^.-:%d+: ", "")) end)):match("^stack overflow")))
print((select(2, pcall(inf)):match("stack overflow")))
print(pcall(inf) == false, pcall(inf) == false)

-- an error in the handler of an error in the handler
local n = 0
print(xpcall(function() error("e") end, function(e) n = n + 1 error("again") end))
print(n > 0)

-- locals and upvalues are intact afterwards
local a, b = 1, 2
local function bump() a = a + 1 end
xpcall(function() bump() error() end, function() bump() end)
bump()
print(a, b)
local keep
xpcall(function() local v = "v" keep = function() return v end error() end, function() end)
print(keep())

-- results of the protected call, with nils
print(select("#", xpcall(function() return nil, nil end, h)))
print(xpcall(function(...) return select("#", ...) end, h))

-- error objects pass unchanged
local obj = setmetatable({}, {__tostring = function() return "custom" end})
local ok, e = xpcall(function() error(obj) end, function(e) return e end)
print(ok, e == obj, tostring(e))
ok, e = pcall(function() error(obj) end)
print(ok, e == obj)

-- pcall in every position
local t = {pcall(error, "t", 0)}
print(t[1], t[2], #t)
if not pcall(error) then print("not") end
print((pcall(error)))
print(pcall(pcall, pcall, error))
print(pcall(function() return pcall(function() return pcall(error, "deep", 0) end) end))
local function ret() return pcall(error, "tail", 0) end
print(ret())

-- nesting of pcall is limited, not deadly
local function nest(n) if n == 0 then return "bottom" end local ok, v = pcall(nest, n - 1) if not ok then return v end return v end
print(nest(10), nest(100))
local count = 0
local function endless() count = count + 1 local ok, e = pcall(endless) if not ok then error(e, 0) end return e end
print(pcall(endless))
print(count > 150, count < 250)
