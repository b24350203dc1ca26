-- What a census clears, and when, shows in what is left of weak tables.
local values = setmetatable({}, {__mode = "v"})
local keys = setmetatable({}, {__mode = "k"})
local held = {}
for i = 1, 3000 do
  local object = {i}
  values[i], keys[object] = object, i
  if i % 7 == 0 then held[#held + 1] = object end
  if i % 500 == 0 then
    local left, sum = 0, 0
    for _, v in pairs(values) do left = left + 1 end
    for _, v in pairs(keys) do sum = sum + v end
    print(i, left, sum, #held, collectgarbage("count"))
  end
  local garbage = ("x"):rep(i % 300)
end
