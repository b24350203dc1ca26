-- concat
for _, t in ipairs { "{}", "{1}", "{1,2,3}", "{'a','b','c'}", "{1.5,'x',-0,1e15,2^53}", "{'',''}", "{1,nil,3}", "{[0]='z',[-1]='y','a'}" } do
  for _, args in ipairs { "", ", ''", ", ','", ", ', ', 1", ", '-', 2", ", '-', 1, 2", ", '-', 0", ", '-', -1, 1", ", '-', 3, 2", ", 5, 1, 1", ", nil, nil, nil", ", '-', 2, 2" } do
    try("table.concat(" .. t .. args .. ")")
  end
end
each("table.concat($)", { "", "nil", "1", "'x'", "{}, {}", "{}, print", "{}, 'x', 'y'", "{}, 'x', {}", "{}, 'x', 1, {}", "{}, 'x', 1, 'z'",
  "{{}}", "{true}", "{1,{}}", "{print}", "{1,2}, '', 1, 3", "{1,2}, 'ab', '1', '2'", "{1,2,3}, '-', 1.9, 2.9", "{1,2}, '-', 2147483647, 2147483647",
  "{1,2}, '-', 2147483647, -2147483648", "{}, '', -2147483648, -2147483648", "{1}, '-', 4294967297, 4294967297", "{1,2,3}, true",
  "setmetatable({}, {__index = function(_, i) return 'm' .. i end}), '', 1, 1", "setmetatable({1,2}, {__len = function() return 1 end})" })

-- insert
for _, t in ipairs { "{}", "{1}", "{1,2,3}", "{1,2,3,4,5,6,7,8}", "{[0]='z',1,2}" } do
  for _, args in ipairs { "'x'", "1, 'x'", "2, 'x'", "3, 'x'", "4, 'x'", "5, 'x'", "9, 'x'", "12, 'x'", "0, 'x'", "-1, 'x'", "-3, 'x'", "nil", "1, nil", "2, nil", "'2', 'x'", "1.7, 'x'" } do
    try("local t = " .. t .. " table.insert(t, " .. args .. ") return t, #t")
  end
end
each("table.insert($)", { "", "nil", "nil, 1", "1, 2", "{}", "{}, 1, 2, 3", "{}, 1, 2, 3, 4", "{}, 'x', 1", "{}, nil, 1", "{}, {}, 1", "{}, print, 1", "{}, true, 1" })
try("select('#', table.insert({}, 1))")
try("local t = list(100) table.insert(t, 1, 'x') return t[1], t[2], t[51], t[100], t[101], t[102]")
try("local t = list(3000) table.insert(t, 1, 'x') return t[1], t[2], t[51], t[3000], t[3001], t[3002]")
try("local t = setmetatable({}, {__newindex = function() error('called') end, __index = function() return 1 end}) table.insert(t, 'x') return rawget(t, 1)")

-- remove
for _, t in ipairs { "{}", "{1}", "{1,2,3}", "{1,2,3,4,5,6,7,8}", "{[0]='z',1,2}" } do
  for _, args in ipairs { "", ", 1", ", 2", ", 3", ", 4", ", 9", ", 0", ", -1", ", nil", ", '1'", ", 1.9", ", 2, 7" } do
    try("local t = " .. t .. " local r = {table.remove(t" .. args .. ")} return r[1], #r, t, #t")
  end
end
each("select('#', table.remove($))", { "{}", "{1}", "{1}, 2", "{1}, 1", "{[0]=1}, 0" })
each("table.remove($)", { "", "nil", "5", "{1}, 'x'", "{1}, {}", "{1}, true", "{}, 'x'" })
try("local t = list(3000) return table.remove(t, 1), t[1], t[2999], t[3000], #t")

-- getn, setn, maxn
each("table.getn($)", { "", "nil", "{}", "{1,2,3}", "'abc'", "{n=5}", "{1,2,3,n=1}" })
each("table.setn($)", { "", "nil", "{}", "{}, 1", "{}, 'x'" })
each("table.maxn($)", { "", "nil", "{}", "{1,2,3}", "{1,nil,3}", "{[10]=1}", "{[1.5]=1}", "{[-3]=1}", "{1,2,[1e10]=1}", "{x=1}", "{[2^53]=1,[7]=2}", "'x'", "{[math.huge]=1}", "{n=10,'a'}" })

-- foreach, foreachi
each("local out = {} local r = table.foreachi($, function(i, v) out[#out+1] = i out[#out+1] = v end) return r, out",
  { "{}", "{1}", "{'a','b','c'}", "{1,nil,3,nil}", "{x=1}" })
each("table.foreachi({1,2,3,4}, function(i, v) $ end)", { "return", "return nil", "return false", "return i", "if i == 3 then return i, v, 'more' end", "error('x')", "error({})", "return nil, 1" })
each("table.foreachi($)", { "", "nil", "{}", "{}, nil", "{}, 1", "{}, {}", "1, print", "{}, setmetatable({}, {__call = print})" })
each("local out = {} local r = table.foreach($, function(k, v) out[#out+1] = k out[#out+1] = v end) return r, out", { "{}", "{1}", "{'a','b','c'}", "{x=1}" })
each("table.foreach({1,2,3,4}, function(i, v) $ end)", { "return", "return nil", "return false", "return i", "if i == 3 then return i, v, 'more' end", "error('x')", "return nil, 1" })
each("table.foreach($)", { "", "nil", "{}", "{}, nil", "{}, 1", "{}, {}", "1, print" })
try("local t = {1,2,3} table.foreachi(t, function(i) t[i+1] = nil end) return t")
try("local t = {1,2,3} local n = 0 table.foreach(t, function(k) t[k] = nil n = n + 1 end) return t, n")
