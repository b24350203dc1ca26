-- Yields across pcall, metamethods, iterators, comparators, replacements, readers and error handlers.
local co = coroutine.wrap(function()
  local mt = {}
  for _, e in ipairs {"__add", "__concat", "__index", "__call", "__lt", "__eq", "__unm", "__newindex"} do
    mt[e] = function(...) coroutine.yield(e) return true end
  end
  local a, b = setmetatable({}, mt), setmetatable({}, mt)
  local _ = a + b, a .. b, a.x, a(), a < b, a == b, -a
  a.x = 1
  pcall(function() coroutine.yield("pcall") error("e") end)
  xpcall(function() error("e") end, function() coroutine.yield("handler") end)
  for _ in function(_, i) coroutine.yield("iterator") if not i then return 1 end end do end
  table.sort({2, 1}, function(x, y) coroutine.yield("sort") return x < y end)
  ;("a"):gsub(".", function() coroutine.yield("gsub") end)
  load(function() coroutine.yield("load") end)
  tostring(setmetatable({}, {__tostring = function() coroutine.yield("tostring") return "t" end}))
  table.foreach({1}, function() coroutine.yield("foreach") end)
  return "end"
end)
local seen = {}
repeat local x = co() seen[#seen + 1] = x until x == "end"
print(table.concat(seen, " ")) --> __add __concat __index __call __lt __eq __unm __newindex pcall handler iterator iterator sort gsub load tostring foreach end
