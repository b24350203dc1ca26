-- Every case tells the result, how often the comparator was called, and a sum
-- over all its calls in order, so that it must be called with the same pairs.
function sorted(t, less)
  local calls, sum = 0, 0
  less = less or function(a, b) return a < b end
  local ok, e = pcall(table.sort, t, function(a, b)
    calls = calls + 1
    sum = (sum * 31 + (a or 0) * 7 + (b or 0)) % 1000003
    return less(a, b)
  end)
  return ok, e, calls, sum, #t <= 40 and t or "long"
end

function bykey(n, keys, seed)
  local r = sequence(seed)
  return list(n, function(i) return i * 1000 + r(keys) end)
end

for _, n in ipairs { 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 33, 40, 100, 257, 1000 } do
  try("sorted(list(" .. n .. "))")
  try("sorted(list(" .. n .. ", function(i) return -i end))")
  try("sorted(list(" .. n .. ", function(i) return 7 end))")
  try("sorted(list(" .. n .. ", function(i) return i % 3 end))")
  try("sorted(list(" .. n .. ", function(i) return i % 2 == 0 and i or -i end))")
  for seed = 1, 3 do
    try("sorted(list(" .. n .. ", function() return 0 end), function(a, b) return a < b end)")
    try("local r = sequence(" .. seed .. ") return sorted(list(" .. n .. ", function() return r(1000) end))")
    try("local r = sequence(" .. seed .. ") return sorted(list(" .. n .. ", function() return r(1000) end), function(a, b) return a > b end)")
    -- Ties: which of two equal elements comes first is the algorithm's business.
    try("sorted(bykey(" .. n .. ", 4, " .. seed .. "), function(a, b) return a % 1000 < b % 1000 end)")
    -- No orders at all.
    try("sorted(bykey(" .. n .. ", 10, " .. seed .. "), function(a, b) return true end)")
    try("sorted(bykey(" .. n .. ", 10, " .. seed .. "), function(a, b) return a and b and a % 1000 <= b % 1000 end)")
    try("local r = sequence(" .. seed .. ") return sorted(bykey(" .. n .. ", 10, 1), function(a, b) return r(2) == 0 end)")
    try("local r = sequence(" .. seed .. ") return sorted(bykey(" .. n .. ", 10, 1), function(a, b) return r(5) ~= 0 end)")
    try("local r = sequence(" .. seed .. ") return sorted(bykey(" .. n .. ", 10, 1), function(a, b) return r(5) == 0 end)")
  end
end

each("local t = $ table.sort(t) return t", { "{}", "{1}", "{3,1,2}", "{'b','a','c'}", "{'b','B','a','A','_','~',' '}", "{'10','9','1'}", "{1.5,-1,0,1e300,-1e300}",
  "{'\\255','a','\\128','\\0','\\0b',''}", "{math.huge,-math.huge,0}", "{'a\\0b','a','a\\0a'}", "{3,2,1,nil,0}", "{[0]=9,2,1}" })
each("table.sort($)", { "", "nil", "1", "{}, 1", "{}, 'x'", "{}, {}", "{}, nil", "{}, true", "{1}, 1", "{1,'x'}", "{'x',1}", "{{},{}}", "{true,false}", "{1,2,'x'}",
  "{1,nil,3}, nil", "{print,print}", "{1,2,3}, function() error('x') end", "{1,2,3}, function() error({}) end", "{1,2,3}, setmetatable({}, {__call = function(_, a, b) return a < b end})",
  "{1,2,3}, nil, 5", "{3,2,{}}", "{nil,nil,1}" })
try("select('#', table.sort({2,1}))")

meta = {__lt = function(a, b) return a.v < b.v end}
function object(v) return setmetatable({v = v}, meta) end
function values(t) return list(#t, function(i) return t[i].v end) end
for _, n in ipairs { 2, 3, 5, 10, 40 } do
  try("local r = sequence(5) local t = list(" .. n .. ", function() return object(r(100)) end) table.sort(t) return values(t)")
  try("local r = sequence(5) local t = list(" .. n .. ", function() return object(r(100)) end) table.sort(t, function(a, b) return b < a end) return values(t)")
end
try("table.sort({object(1), {}})")
try("table.sort({object(1), 1})")
try("table.sort({setmetatable({}, {__lt = function() return true end}), setmetatable({}, {__lt = function() return true end})})")
try("local t = {5,4,3,2,1} table.sort(t, function(a, b) t[1] = 9 return a < b end) return t")
try("local t = {5,4,3,2,1} table.sort(t, function(a, b) return a < b, 'more' end) return t")
try("local t = {5,4,3,2,1} table.sort(t, function(a, b) return nil end) return t")
try("local t = {5,4,3,2,1} table.sort(t, function(a, b) return a < b and 0 end) return t")
try("local t = setmetatable({3,1,2}, {__index = function() error('called') end, __newindex = function() error('called') end}) table.sort(t) return rawget(t, 1), rawget(t, 2), rawget(t, 3)")
