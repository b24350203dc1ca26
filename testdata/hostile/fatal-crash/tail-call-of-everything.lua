-- A tail call with as many arguments as the stack has room for, and one more each time.
-- limits: instructions=20000000 memory=67108864
local args = {}
for i = 1, 200 do args[i] = i end
local function f(...) return f(unpack(args), ...) end
local function g(n, ...) return g(n + 1, n, ...) end
print((pcall(g, 1))) --# instructions
