local M = require "moses"
local function show(t) return type(t) == "table" and "{" .. table.concat(t, ",") .. "}" or tostring(t) end
print(show(M.map({1, 2, 3}, function(v) return v * 10 end)), M.reduce({1, 2, 3, 4}, function(a, b) return a + b end))
print(show(M.filter and M.filter({1, 2, 3, 4}, function(v) return v % 2 == 0 end) or M.select({1, 2, 3, 4}, function(v) return v % 2 == 0 end)))
print(show(M.range(1, 10, 3)), show(M.reverse({1, 2, 3})), show(M.uniq({1, 1, 2, 3, 3})), show(M.flatten({1, {2, {3, {4}}}})))
print(show(M.sort(M.keys({a = 1, b = 2, c = 3}))), show(M.sort(M.values({a = 1, b = 2, c = 3}))))
print(show(M.intersection({1, 2, 3}, {2, 3, 4})), show(M.union({1, 2}, {2, 3})), show(M.difference({1, 2, 3}, {2})))
print(M.isEqual({1, {2, a = "x"}}, {1, {2, a = "x"}}), M.isEqual({1}, {2}), M.include({1, 2}, 2), M.size({1, 2, x = 3}))
local add = M.compose(function(x) return x + 1 end, function(x) return x * 2 end)
print(add(5), M.bind(math.max, 10)(3), M.memoize(function(n) return n * n end)(9))
for _, v in ipairs(M.chunk and M.zip({1, 2}, {3, 4}) or {}) do print(show(v)) end
print(M.chain({1, 2, 3, 4}):map(function(v) return v + 1 end):first(2):value()[2])
print(show(M.sortBy({"ccc", "a", "bb"}, string.len)), show(M.interpose({1, 2, 3}, 0)), show(M.sample({5}, 1)))
for c in M.permutation({1, 2, 3}) do print(show(c)) end
