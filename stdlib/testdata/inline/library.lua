-- Messages as a script gets them, at the line and with the name it used.
table.insert(nil, 1) --! bad argument #1 to 'insert' (table expected, got nil)
---
local add = table.insert
add() --! bad argument #1 to 'add' (table expected, got no value)
---
local t = {}
t.put = table.insert
t.put({}, 1, 2, 3) --! wrong number of arguments to 'insert'
---
local t = {insert = table.insert}
t:insert() --! wrong number of arguments to 'insert'
---
table.concat({1, {}, 3}) --! invalid value (table) at index 2 in table for 'concat'
---
table.sort({3, 1, "x"}) --!! attempt to compare string with number
---
local t = {}
for i = 1, 100 do t[i] = i end
table.sort(t, function(a, b) --! invalid order function for sorting
  return true
end)
---
("x"):rep({}) --! bad argument #1 to 'rep' (number expected, got table)
---
string.rep() --! bad argument #1 to 'rep' (string expected, got no value)
---
setmetatable(setmetatable({}, {__metatable = true}), nil) --! cannot change a protected metatable
---
math.random(0) --! bad argument #1 to 'random' (interval is empty)
---
os.time {year = 2000} --! field 'day' missing in date table
---
os.date(("x"):rep(65537)) --! bad argument #1 to 'date' (format longer than 65536 bytes)
---
assert(#os.date(("%%"):rep(32768)) == 32768)
---
assert(false, "with a message") --! with a message
---
assert(nil) --! assertion failed!
---
unpack({}, 1, 1e8) --! too many results to unpack
---
select(0) --! bad argument #1 to 'select' (index out of range)
---
print(setmetatable({}, {__tostring = function() return {} end})) --! 'tostring' must return a string to 'print'
---
-- What is not there is nil, and calling it the ordinary error.
os.execute("true") --! attempt to call field 'execute' (a nil value)
---
io.write("x") --! attempt to index global 'io' (a nil value)
---
dofile("x") --! attempt to call global 'dofile' (a nil value)
---
-- Functions of the library have no address.
assert(tostring(print) == "function: library: print")
assert(tostring(string.rep) == "function: library: string.rep")
---
-- Objects are numbered, the same on every run.
local a, b = {}, {}
local first = tostring(a)
assert(first:match("^table: %x+$") and first == tostring(a) and first ~= tostring(b))
---
-- Environments are the script's own.
assert(getfenv(print) == _G and getfenv(0) == _G and getfenv(100) == _G)
---
setfenv(0, {}) --! 'setfenv' cannot change environment of given object
---
setfenv(print, {}) --! 'setfenv' cannot change environment of given object
