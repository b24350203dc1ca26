-- getfenv and setfenv of the script's own functions.
x = "global"
local function f() return x end
print(f(), getfenv(f) == _G, getfenv() == _G, getfenv(1) == _G)
local env = {x = "private"}
print(setfenv(f, env) == f, f(), getfenv(f) == env, x)

-- functions created by a function have its environment
local function maker() return function() return x end end
setfenv(maker, env)
local g = maker()
print(g())
setfenv(maker, _G)
print(g(), maker()())

-- assignments go to the environment
local function set() y = 5 return y end
setfenv(set, env)
print(set(), env.y, y)

-- level 1 is the function that calls setfenv
local function selfish() setfenv(1, {z = "own"}) return z end
print(selfish(), z)
local function outer() local function inner() setfenv(2, {w = "from inner", print = print}) end inner() return w end
print(outer(), w)

-- inheritance by metatable
local sandbox = setmetatable({}, {__index = _G})
local function in_sandbox() v = 1 print(type(print), v, x) return v end
setfenv(in_sandbox, sandbox)
print(in_sandbox(), v, sandbox.v)

-- environments with metamethods
local log = {}
local spy = setmetatable({}, {__index = function(t, k) log[#log + 1] = "get " .. k return k end, __newindex = function(t, k, v) log[#log + 1] = "set " .. k end})
local function spied() a = b c = d return e end
setfenv(spied, spy)
print(spied(), table.concat(log, ","))

-- a missing global in another environment
local function broken() return nothing.field end
setfenv(broken, {})
print(pcall(broken))
print(pcall(setfenv(function() return undefinedf() end, {})))

-- loadstring: the globals; a coroutine: its function's
local chunk = loadstring("n = 1 return n")
setfenv(chunk, env)
print(chunk(), env.n, n)
local co = coroutine.create(setfenv(function() while true do coroutine.yield(k) end end, {k = "in co", coroutine = coroutine}))
print(coroutine.resume(co))

-- errors
print(pcall(setfenv, f, nil))
print(pcall(setfenv, f))
print(pcall(setfenv, 1))
print(pcall(setfenv, "x", {}))
print(pcall(setfenv, print, {}))
print(pcall(getfenv, -1))
print(pcall(getfenv, {}))
print(pcall(getfenv, "x"))
print(pcall(setfenv, -1, {}))

-- upvalues are not globals
local up = "upvalue"
local function usesUp() return up, x end
setfenv(usesUp, {x = "env x"})
print(usesUp())

-- _G is a variable like others
local saved = _G
_G = nil
print(x, getfenv(1) == saved)
_G = saved
setmetatable(_G, {__index = function(t, k) return "default " .. k end, __newindex = function(t, k, v) rawset(t, k, "set " .. tostring(v)) end})
print(undefinedGlobal)
newGlobal = 1
print(newGlobal)
x = "changed"
print(x)
setmetatable(_G, nil)
print(undefinedGlobal)
