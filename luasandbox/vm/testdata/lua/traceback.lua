-- debug.traceback: names and lines of every level. What the standalone
-- interpreter adds below the main chunk is cut off.
local function tb(...)
  local s = debug.traceback(...)
  s = s:gsub("\n\t%[C%]: %?$", "")
  return s
end

print(tb("message"))
print(tb())
print(tb(42))
print(type(tb == nil), type(debug.traceback({})), debug.traceback(true))
print(tb("level 2", 2))
print(tb("level 100", 100))

local function localfn() print(tb("in a local")) end
function globalfn() print(tb("in a global")) end
local t = {field = function() print(tb("in a field")) end, deep = {}}
function t:method() print(tb("in a method")) end
function t.deep.er() print(tb("in a nested field")) end
localfn()
globalfn()
t.field()
t:method()
t.deep.er()
t["field"]()
do
  local up = localfn
  local function caller() up() end
  caller()
end
(function() print(tb("anonymous")) end)()

-- through library functions and metamethods
table.sort({2, 1}, function(a, b) print(tb("comparing")) return a < b end)
string.gsub("x", "x", function() print(tb("replacing")) end)
pcall(function() print(tb("protected")) end)
local m = setmetatable({}, {__index = function(t, k) print(tb("indexing " .. k)) end, __add = function() print(tb("adding")) end})
local _ = m.key
_ = m + 1
for _ in function() print(tb("iterating")) end do end

-- tail calls
local function tail() print(tb("tail called")) end
local function viaTail() return tail() end
local function again() return viaTail() end
again()
viaTail()

-- deep stacks are cut in the middle
local function deep(n) if n == 0 then print(debug.traceback("deep")) return end deep(n - 1) end
local function inCoroutine(f, ...) print(coroutine.resume(coroutine.create(f), ...)) end
for _, n in ipairs{0, 5, 18, 19, 20, 21, 22, 40} do print(n) inCoroutine(deep, n) end
local function deep2(n, ...) if n == 0 then return debug.traceback(...) end local s = deep2(n - 1, ...) return s end
inCoroutine(deep2, 50, "from level 0", 0)
inCoroutine(deep2, 50, "from level 11", 11)
inCoroutine(deep2, 50, "from level 13", 13)
inCoroutine(deep2, 50, "from level 45", 45)
inCoroutine(deep2, 50, "from level 60", 60)
local function tails(n) if n == 0 then return (debug.traceback("tails")) end return tails(n - 1) end
inCoroutine(tails, 5)
inCoroutine(tails, 15)
inCoroutine(tails, 40)

-- a handler sees the stack at the point of the error
local function thrower() local x = nil; return x.field end
local function middle() thrower() end
print(xpcall(middle, tb))
print(xpcall(function() error("raised") end, tb))
print(xpcall(function() error({}) end, function(e) return tb(type(e)) end))
print(xpcall(function() string.rep() end, tb))

-- coroutines have stacks of their own
local co = coroutine.create(function() local function inner() coroutine.yield() end inner() end)
coroutine.resume(co)
print(coroutine.resume(coroutine.create(function() print(debug.traceback("inside")) end)))
print(debug.traceback(co))
print(debug.traceback(co, "another thread"))
print(debug.traceback(co, "its level 1", 1))
print(debug.traceback(co, nil))
print(debug.traceback(coroutine.create(print == nil and co or function() end)))
local dead = coroutine.wrap(function() error("dies") end)
pcall(dead)
