-- Half-built results of gsub, held open by replacements that yield.
-- limits: instructions=20000000
local t, s = {}, ("x"):rep(10000)
for i = 1, 1e9 do
  t[i] = coroutine.wrap(function() s:gsub("()", function(p) if p > 5000 then coroutine.yield() end return "abcdefghij" end) end)
  t[i]()
end --# memory
