-- Messages of errors made by every library function with every wrong argument must not show Go.
-- limits: instructions=20000000
local bad, seen = 0, {}
local wrong = {nil, false, 0 / 0, "x", {}, function() end, coroutine.create(function() end), -1, 1e308}
local function try(f, ...)
  local ok, e = pcall(f, ...)
  e = tostring(e)
  for _, word in ipairs {"runtime", "panic", "reflect", "interface", "goroutine", ".go:", "nil pointer", "index out of range [", "strconv", "0x"} do
    if not ok and e:find(word, 1, true) then bad = bad + 1 print("LEAKED", e) end
  end
end
for _, lib in ipairs {string, table, math, os or {}, bit32 or {}, {tonumber, select, unpack, setmetatable, rawset, rawget, next, ipairs, pairs, error, load, loadstring, setfenv, getfenv, xpcall}} do
  for name, f in pairs(lib) do
    if type(f) == "function" and name ~= "exit" then
      for i = 1, 9 do for j = 1, 9 do try(f, wrong[i], wrong[j]) try(f, "a", wrong[i], wrong[j]) try(f, {1, 2}, wrong[i], wrong[j]) end end
    end
  end
end
print(bad) --> 0
