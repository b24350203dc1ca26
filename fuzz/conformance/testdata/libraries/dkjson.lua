local json = require "dkjson"
local order = {keyorder = {"a", "b", "c"}}
for _, text in ipairs{
  '{"a":1,"b":[true,false,null],"c":{"a":"x"}}', '[]', '{}', '[1,-2.5e3,0.001,1e300]', '"\\u00e9\\ud83d\\ude00\\n"', '  [ 1 , 2 ]  x', '{"a":', '[1,]', '"abc', '{a:1}', '//c\n[1]/*x*/', '123', 'nul', '[[[[[[]]]]]]',
} do
  local value, at, message = json.decode(text, 1, nil)
  print(text, type(value), at, message)
  if value ~= nil then print(json.encode(value, order), json.encode(value, {indent = true, keyorder = order.keyorder})) end
end
print(json.encode({1, 2, nil, 4}), json.encode({[1] = 1, [3] = 3}), json.encode(0/0), json.encode(1/0), json.encode("\0\31\127\226\128\168/"))
print(json.quotestring("a\"b\\c"), json.null == json.decode("null"), json.decode("null", 1, 5))
print(pcall(json.encode, {print}))
local t = {} t.t = t
print(pcall(json.encode, t))
print(json.encode(setmetatable({1, 2}, {__tojson = function() return "'mine'" end})))
local big = {}
for i = 1, 300 do big[i] = {id = i, name = "n" .. i, tags = {"a", "b"}} end
local text = json.encode(big, {keyorder = {"id", "name", "tags"}})
print(#text, #json.decode(text), json.encode(json.decode(text), {keyorder = {"id", "name", "tags"}}) == text)
