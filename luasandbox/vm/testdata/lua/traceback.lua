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
local function deep(n) if n == 0 then print(tb("deep")) return end deep(n - 1) end
deep(5)
deep(19)
deep(20)
deep(21)
deep(40)
local function deep2(n) if n == 0 then return tb("x") end local s = deep2(n - 1) return s end
local lines = select(2, deep2(500):gsub("\n", "\n"))
print(lines)

-- a handler sees the stack at the point of the error
local function thrower() local x = nil; return x.field end
local function middle() thrower() end
print(xpcall(middle, tb))
print(xpcall(function() error("raised") end, tb))
print(xpcall(function() error({}) end, function(e) return tb(type(e)) end))
print(xpcall(function() string.rep() end, tb))
print(select(2, xpcall(function() local function a() b() end a() end, tb)))

-- coroutines have stacks of their own
local co = coroutine.create(function() local function inner() coroutine.yield() end inner() end)
coroutine.resume(co)
print(coroutine.resume(coroutine.create(function() print(debug.traceback("inside")) end)))
