package differential

// prelude runs before each program, and defines what programs use. P prints its arguments, none of which shows
// an address or the sign of a NaN, and returns them. T ends endless work. Neither
// stops a program by an error that pcall would catch for long.
const prelude = `local out, ticks, depth = 0, 0, 0
local function show(v, d)
  local t = type(v)
  if t == "table" then
    if d > 2 then return "{..}" end
    local r = {}
    for i = 1, 4 do r[i] = show(rawget(v, i), d + 1) end
    for i, k in ipairs{"k", "v", "n"} do r[4 + i] = show(rawget(v, k), d + 1) end
    return "{" .. table.concat(r, ",") .. "}"
  elseif t == "function" or t == "thread" then
    return t
  elseif t == "number" then
    return v ~= v and "nan" or string.format("n:%.14g", v)
  elseif t == "string" then
    return #v > 200 and "s#" .. #v or "s:" .. (v:gsub("%z", "\\0"))
  end
  return tostring(v)
end
function L(v) return type(v) == "table" and 0 or #v end
local raw = tostring
function tostring(...)
  local v = ...
  local t, m = type(v), getmetatable(v)
  if t == "function" or t == "thread" or t == "table" and not (type(m) == "table" and m.__tostring) then return t end
  return raw(...)
end
function P(...)
  out = out + 1
  if out > 150 then return ... end
  local r = {}
  for i = 1, select("#", ...) do r[i] = show((select(i, ...)), 0) end
  print(table.concat(r, " "))
  return ...
end
function T()
  ticks = ticks + 1
  if ticks > 300 then error("ticks", 0) end
end
local function inner(...) depth = depth - 1 return ... end
function try(...)
  if depth > 5 then return P("deep") end
  depth = depth + 1
  return P("try", inner(pcall(...)))
end
local mt = {
  __index = function(t, k) P("index", k) return k end,
  __newindex = function(t, k, v) P("newindex", k, v) rawset(t, k, v) end,
  __add = function(a, b) return "add" end, __sub = function(a, b) P("sub", a, b) return 1, 2 end,
  __mul = function(a, b) return a end, __div = function(a, b) return nil end, __mod = function() return 2, 3 end,
  __pow = function(a, b) return b end, __unm = function(a, b) return a, rawequal(a, b) end,
  __concat = function(a, b) return type(a) .. type(b) end,
  __eq = function(a, b) P("eq") return 1 end, __lt = function(a, b) return type(a) == "table" end,
  __call = function(self, ...) T() return select("#", ...), ... end,
  __tostring = function(t) return "a table" end,
}
local mt2 = {__index = {k = "inherited", v = 7, [2] = "two"}, __newindex = {}, __le = function(a, b) return nil end,
  __add = mt.__add, __eq = mt.__eq, __lt = function(a, b) return a end, __metatable = "locked"}
local mt3 = {__index = setmetatable({}, {__index = function(t, k) return rawget(t, 1) end}), __call = f1, __concat = mt.__concat}
function MT(v, n)
  if type(v) ~= "table" then v = {v = v} end
  if not getmetatable(v) then setmetatable(v, n == 1 and mt or n == 2 and mt2 or mt3) end
  return v
end
function IT(n) local i = 0 return function() T() i = i + 1 if i <= n then return i, i * 2, "x" end end end
function CO(f, ...)
  local co = coroutine.create(f)
  local all = {P("co", coroutine.resume(co, ...))}
  local n = 0
  while coroutine.status(co) == "suspended" and n < 4 do
    n = n + 1
    P("co", coroutine.resume(co, n, "r"))
  end
  P(coroutine.status(co), coroutine.resume(co))
  return all[2], all[3]
end
g1, g2, g3 = 1, "two", {k = 1, 5, 6}
s1, t1 = "10", {1, 2, 3}
function f1(...) T() return ... end
`
