local inspect = require "inspect"
local cyclic = {1, 2, name = "c"}
cyclic.self = cyclic
for _, v in ipairs{
  1, "a\nb'\"\0", true, {}, {1, 2, 3}, {a = 1, ["b c"] = {2}, [3.5] = "x", [true] = false},
  setmetatable({1}, {__index = {x = 1}, __call = print}), cyclic, {{{{{}}}}}, {[{}] = {}},
} do
  print((inspect(v):gsub("0x%x+", "0x")))
end
print(inspect({a = {b = {c = {d = 1}}}}, {depth = 2}))
print(inspect({1, {2, {3}}}, {newline = "|", indent = "."}))
print(inspect({a = 1, secret = 2}, {process = function(item, path)
  if path[#path] ~= "secret" then return item end
end}))
