-- Giving library functions, callers and the thread another environment.
local found = 0
local fake = setmetatable({}, {__index = _G})
for _, f in ipairs {print, pcall, string.gsub, coroutine.yield, coroutine.wrap(function() end)} do
  if pcall(setfenv, f, fake) and getfenv(f) == fake then found = found + 1 end
end
print(found) --> 0
print((pcall(setfenv, 0, fake))) --> false
print(getfenv(0) == _G) --> true
for level = 3, 30 do if pcall(setfenv, level, fake) then found = found + 1 end end
print(found < 3) --> true
