-- Functions without a name that fail: fields with empty keys, tail calls, in a coroutine, in a callback.
local t = {[""] = function() error("x") end, ["\0"] = function() error("y") end}
local function tail() return t[""]() end
print((pcall(coroutine.wrap(function() return t[""]() end)))) --> false
print((pcall(table.sort, {2, 1}, function() t["\0"]() end))) --> false
tail() --!! x
