-- Loops over a table that grows, shrinks and changes its metatable under them.
local t = {}
for i = 1, 100 do t[i] = i t["k" .. i] = i end
print((pcall(function() for k in pairs(t) do t[k] = nil t[tostring(k) .. "x"] = nil end end))) --> true
print(next(t)) --> nil
for i = 1, 10 do t[i] = i end
local steps = 0
local ok = pcall(function() for k, v in pairs(t) do steps = steps + 1 t[{}] = 1 if steps > 1000 then break end end end)
print(steps <= 1001) --> true
print(pcall(next, t, {})) --> false	invalid key to 'next'
print(pcall(next, {}, 1)) --> false	invalid key to 'next'
print((pcall(function() for i, v in ipairs(t) do t[i] = nil t[i + 1] = nil end end))) --> true
