-- __metatable that hides, lies, and is asked of every kind of value.
local t = setmetatable({}, {__metatable = "hidden"})
print(getmetatable(t)) --> hidden
print((pcall(setmetatable, t, nil))) --> false
print((pcall(setmetatable, _G, {__metatable = false}))) --> true
print(getmetatable(_G)) --> false
for _, v in pairs {1, true, print, coroutine.create(function() end)} do if getmetatable(v) ~= nil then print("ESCAPED", v) end end
for _, v in pairs {1, true, print, coroutine.create(function() end), "x"} do if pcall(setmetatable, v, {}) then print("ESCAPED", v) end end
