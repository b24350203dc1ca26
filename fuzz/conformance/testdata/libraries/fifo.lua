local fifo = require "fifo"
local q = fifo(1, 2, 3)
q:push(4) q:push(nil) q:insert(1, "first")
print(q:length(), #q == q:length(), q:peek(), q:pop(), q:pop(), q:length())

print(q:remove(2), q:length(), q:peek(2))
q:setempty(function() return "empty" end)
print(q:pop(), q:pop(), q:pop(), q:pop())
local p = fifo()
print(pcall(p.pop, p), pcall(p.remove, p, 1))
for i = 1, 1000 do p:push(i) if i % 3 == 0 then p:pop() end end
print(p:length(), p:pop())
