-- Registers, array slots and buffers that another function or script left behind.
local function leave() local a, b, c, d, e = "left", "left", "left", "left", "left" return a .. b .. c .. d .. e end
local function look(...)
  leave()
  local a, b, c, d, e
  if a or b or c or d or e then print("LEAKED", a) end
  if select("#", ...) > 0 then print("LEAKED", ...) end
  local t = {nil, nil, nil}
  for k, v in pairs(t) do print("LEAKED", k, v) end
end
for i = 1, 100 do look() coroutine.wrap(look)() end
print(unpack({}, 1, 3)) --> nil	nil	nil
print((function(...) local a, b = ... return a, b end)()) --> nil	nil
