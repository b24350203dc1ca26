local heap = require "binaryheap"
local h = heap.minUnique()
for i = 1, 200 do h:insert((i * 7919) % 1009, "p" .. i) end
h:update("p5", -1) h:remove("p6") print(h:peek())
local out = {}
while h:size() > 0 do local p, v = h:pop() out[#out + 1] = p .. "=" .. v end
print(table.concat(out, " "))
local m = heap.maxHeap()
for _, v in ipairs{3, 1, 4, 1, 5, 9, 2, 6} do m:insert(v) end
for _ = 1, 8 do print(m:pop()) end
print(m:pop(), m:peek(), pcall(h.insert, h, nil))
