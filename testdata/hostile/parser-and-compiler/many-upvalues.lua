-- Three hundred upvalues of one function.
-- generate
local t = {}
for b = 1, 2 do
  t[#t + 1] = "local function f" .. b .. "() "
  for i = 1, 180 do t[#t + 1] = "local v" .. b .. "_" .. i .. " = " .. i .. " " end
end
t[#t + 1] = "return function() return 0"
for b = 1, 2 do for i = 1, 180 do t[#t + 1] = " + v" .. b .. "_" .. i end end
return table.concat(t) .. " end end return f2() end print(f1()())" --!! upvalues
