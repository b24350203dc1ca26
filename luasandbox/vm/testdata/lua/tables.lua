-- Tables: keys, the length operator on sequences, deletion while traversing,
-- migration between the parts, long constructors.
local function keys(t) local n = 0 for _ in pairs(t) do n = n + 1 end return n end
local function sorted(t)
  local ks = {}
  for k in pairs(t) do ks[#ks + 1] = k end
  table.sort(ks, function(a, b) return tostring(a) < tostring(b) end)
  local out = {}
  for i, k in ipairs(ks) do out[i] = tostring(k) .. "=" .. tostring(t[k]) end
  return table.concat(out, " ")
end

do -- keys of all kinds
  local t, f, co = {}, function() end, coroutine.create(function() end)
  t[1], t[1.5], t[-1], t[0], t["x"], t[true], t[false], t[f], t[t], t[co], t[""] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
  print(t[1], t[1.5], t[-1], t[0], t["x"], t[true], t[false], t[f], t[t], t[co], t[""], keys(t))
  print(t[1.0], t[3 / 2], t["1"], t[nil], t[{}], t[function() end])
  t[0 * -1] = "zero" print(t[0])
  t[2^53] = "big" print(t[2^53], t[2^53 + 1], t[2^53 - 1])
  t[1e300] = "huge" print(t[1e300], t[math.huge]) t[math.huge] = "inf" t[-math.huge] = "-inf" print(t[math.huge], t[-math.huge], t[1/0])
  t[0.1 + 0.2] = "sum" print(t[0.3], t[0.1 + 0.2])
  print(t[2^63], t[-2^63], t[2^64])
  t[2^63] = "2^63" print(t[2^63], t[-2^63])
  print(("x"):rep(3), ({xxx = "found by another string"})[("x"):rep(3)])
end

do -- length of sequences that grow and shrink
  local t = {}
  for i = 1, 100 do t[#t + 1] = i end
  print(#t)
  for i = 1, 50 do t[#t] = nil end
  print(#t, t[50], t[51])
  for i = 1, 30 do table.insert(t, 1, -i) end
  print(#t, t[1], t[30], t[31])
  for i = 1, 80 do table.remove(t) end
  print(#t, next(t))
  print(#{}, #{nil}, #{1, nil}, #{nil, nil}, #{1, 2, 3, nil}, #{n = 1}, #{[1] = 1}, #{[1] = 1, [2] = 2})
  t = {} for i = 10, 1, -1 do t[i] = i end print(#t)
  t = {} t[1] = 1 t[2] = 2 t[4] = 4 print(#t == 2 or #t == 4)
  t = {} for i = 1, 1000 do t[i] = i end for i = 1000, 501, -1 do t[i] = nil end print(#t)
  t = {[0] = 0, 1, 2} print(#t)
  t = {} t[2] = 1 print(#t) t[1] = 1 print(#t) t[3] = 3 print(#t)
  t = {} for i = 1, 20 do t[i * 2] = i end print(#t) for i = 1, 39, 2 do t[i] = i end print(#t)
end

do -- fields are set, cleared and set again
  local t = {}
  for i = 1, 50 do t["k" .. i] = i end
  for i = 1, 50, 2 do t["k" .. i] = nil end
  print(keys(t))
  for i = 1, 50 do t["k" .. i] = i * 2 end
  print(keys(t), t.k1, t.k50)
  for k in pairs(t) do t[k] = nil end
  print(keys(t), next(t))
  t.a = 1 print(next(t))
  for round = 1, 200 do t["r" .. round] = true t["r" .. (round - 3)] = nil end
  print(keys(t))
end

do -- deletion and change while traversing
  local t = {}
  for i = 1, 20 do t[i] = i t["s" .. i] = i end
  local n = 0
  for k, v in pairs(t) do n = n + 1 t[k] = nil end
  print(n, next(t))
  for i = 1, 20 do t[i] = i t["s" .. i] = i end
  n = 0
  for k, v in pairs(t) do n = n + 1 t[k] = v + 1 if n % 3 == 0 then t[k] = nil end end
  print(n, keys(t))
  local s = 0
  for k, v in pairs(t) do s = s + v end
  local c = 0
  for k, v in pairs(t) do c = c + t[k] end
  print(s == c)
  t = {a = 1, b = 2, c = 3}
  local k = next(t)
  t[k] = nil
  print(next(t, k) ~= nil, pcall(next, t, "nokey"))
  for _, gone in ipairs{"a", "b", "c"} do t[gone] = nil end
  print(next(t), next({}), next({}, nil))
  print(next({10}), next({10}, 1), next({[2] = 5}))
end

do -- from the hash part to the array part and back
  local t = {}
  for i = 16, 1, -1 do t[i] = i end
  local s = 0
  for i, v in ipairs(t) do s = s + v end
  print(s, #t)
  for i = 1, 15 do t[i] = nil end
  t.x = 1 t.y = 2 t.z = 3
  print(t[16], t.x, keys(t))
  for i = 1, 15 do t[i] = -i end
  print(#t, t[15], keys(t))
  t = {}
  for i = 1, 2000 do t[i * 1000] = i end
  print(keys(t), t[1000], t[2000000], #t)
  t = {}
  for i = -100, 100 do t[i] = i end
  s = 0 for k, v in pairs(t) do s = s + v * v end
  print(keys(t), s, #t)
  t = {}
  t[1000000] = "far" t[1] = "near"
  print(#t, t[1000000])
end

do -- constructors
  local function three() return 1, 2, 3 end
  print(sorted{1, 2, x = 3, [10] = 4, 5, three()})
  print(sorted{three(), three()})
  print(sorted{(three())})
  print(sorted{[1] = "a", "b"})
  print(sorted{"b", [1] = "a"})
  print(sorted{[2] = "x", "a", "b", [3] = "y"})
  print(sorted{x = 1, x = 2})
  print(sorted{1, 2; 3, })
  print(sorted{nil, 2, nil, 4})
  print(sorted{f = function() end} ~= nil)
  local nested = {{1, {2, {3}}}, a = {b = {c = "deep"}}}
  print(nested[1][2][2][1], nested.a.b.c)
  local src = {}
  for i = 1, 300 do src[i] = tostring(i) end
  local t = loadstring("return {" .. table.concat(src, ",") .. "}")()
  print(#t, t[1], t[50], t[51], t[100], t[101], t[300])
  for i = 1, 300 do src[i] = "k" .. i .. "=" .. i end
  t = loadstring("return {" .. table.concat(src, ",") .. "}")()
  print(keys(t), t.k1, t.k300)
  t = loadstring("return {" .. ("'x',"):rep(10000) .. "unpack({1,2,3})}")()
  print(#t, t[10000], t[10001], t[10003])
  t = loadstring("return {" .. ("{},"):rep(1000) .. "}")()
  print(#t, t[1] ~= t[2])
end

do -- table functions on holes, strings and metatables
  print(table.concat({1, "a", 2.5}, "-"), table.concat({}), table.concat({"x"}, "sep"), table.concat({1, 2, 3}, ",", 2, 3))
  print(pcall(table.concat, {1, {}, 3}))
  print(table.maxn({1, 2, [10] = 1, [2.5] = 1}), table.maxn({}))
  print(unpack({1, nil, 3}, 1, 3))
  local t = {5, 2, 8, 1}
  table.sort(t) print(table.concat(t, " "))
  table.sort(t, function(a, b) return a > b end) print(table.concat(t, " "))
  print(table.remove({}), table.remove({1, 2, 3}), table.remove({1, 2, 3}, 1))
end

do -- ipairs stops at the first nil; pairs sees all
  local n = 0
  for i in ipairs{1, 2, nil, 4} do n = n + 1 end
  print(n)
  local t = setmetatable({}, {__index = function(t, i) if i <= 3 then return i end end})
  n = 0
  for i in ipairs(t) do n = n + 1 end
  print(n)
end

do -- many fields, all found again
  local t = {}
  for i = 1, 3000 do t["field" .. i] = i t[i + 0.5] = -i end
  local ok = true
  for i = 1, 3000 do ok = ok and t["field" .. i] == i and t[i + 0.5] == -i end
  print(ok, keys(t))
  for i = 1, 3000, 3 do t["field" .. i] = nil end
  ok = true
  for i = 1, 3000 do ok = ok and t["field" .. i] == (i % 3 ~= 1 and i or nil) end
  print(ok, keys(t))
end
