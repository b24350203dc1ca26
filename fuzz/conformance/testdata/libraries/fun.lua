package.preload.rspamd_text = function() return {} end
local fun = require "fun"
local function show(it) return table.concat(fun.map(tostring, it):totable(), " ") end
print(show(fun.range(5)), show(fun.range(1, 2, 0.25)), show(fun.take(5, fun.range(1, 1e9))), show(fun.zip({1, 2}, {"a", "b"}) and fun.range(0)))
print(show(fun.filter(function(x) return x % 3 == 0 end, fun.range(10))), fun.sum(fun.range(100)), fun.foldl(function(a, b) return a .. b end, "", {"x", "y"}))
print(show(fun.chain({1}, {2}, {3})), show(fun.take(7, fun.cycle({1, 2}))), fun.head({9}), show(fun.tail({1, 2, 3})), fun.nth(2, {5, 6}), fun.length "abc")
print(fun.all(function(x) return x > 0 end, {1, 2}), fun.any(function(x) return x > 5 end, {1}), fun.minimum {3, 1, 2}, fun.max {3, 5}, fun.is_prefix_of({1}, {1, 2}), fun.index(6, {5, 6}))
print(show(fun.take(10, fun.tabulate(function(x) return x * x end))), show(fun.intersperse("-", {1, 2, 3})), fun.op.add(1, 2), fun.operator.concat("a", 1))
for i, a in fun.enumerate({"x", "y"}) do print(i ~= nil, a ~= nil) end
print(pcall(fun.head, {}), pcall(fun.range, 1, 2, 0) ~= nil)
print(fun.totable(fun.map(function(x) return -x end, {1, 2}))[2])
