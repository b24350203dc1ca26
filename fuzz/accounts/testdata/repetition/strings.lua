-- Text that is built, cut, matched and sorted.
local words = {}
for i = 1, 400 do words[i] = ("%x-%s"):format(i * 7919 % 65536, ("ab"):rep(i % 9)) end
table.sort(words)
local text = table.concat(words, " ")
local count = {}
for w in text:gmatch("%w+") do count[w] = (count[w] or 0) + 1 end
local out = text:gsub("(%x+)%-(%w*)", function(a, b) return b .. a end)
print(#text, #out, out:sub(1, 60), count.ab)
for i = 1, 200 do text = text:sub(2) .. i end
print(text:reverse():upper():sub(-40))
local f = loadstring("local s = 0 for i = 1, 200 do s = s + i % 7 end return s")
for i = 1, 30 do f = loadstring("return " .. i .. " + " .. f()) end
print(f(), math.random(), math.random(10), os.time(), os.clock() >= 0)
