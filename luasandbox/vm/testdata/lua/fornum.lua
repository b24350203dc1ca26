-- Numeric for: which values, how many turns.
local function list(a, b, c)
  local t, n = {}, 0
  for i = a, b, c or 1 do
    n = n + 1
    t[#t + 1] = tostring(i)
    if n >= 12 then t[#t + 1] = "..." break end
  end
  print(a, b, c, "->", table.concat(t, " "))
end
list(1, 3) list(3, 1) list(1, 1) list(0, -1)
list(3, 1, -1) list(1, 3, -1) list(1, 10, 3) list(10, 1, -3)
list(1, 2, 0.25) list(0, 1, 0.1) list(1, 0, -0.25) list(0.1, 0.35, 0.1)
list(1.5, 4) list(1, 3.999) list(-2, 2) list(-1, -5, -2)
list(1, 3, 0) list(3, 1, 0) list(1, 1, 0)
list(1, math.huge) list(1, -math.huge) list(math.huge, 1) list(-math.huge, 0) list(math.huge, math.huge)
list(1, math.huge, math.huge) list(-math.huge, math.huge, 1) list(1, -math.huge, -math.huge)
list(0/0, 1) list(1, 0/0) list(1, 3, 0/0) list(0/0, 0/0, 0/0)
list(2^53 - 1, 2^53 + 3) list(-2^53 - 3, -2^53 + 1) list(2^53, 2^53 + 4, 2) list(1e308, math.huge, 1e308)
list(1, -1, -1)
list("1", "3") list("3", 1, "-1") list("0x1", "0x3") list(" 1 ", 2)
list(1e15, 1e15 + 2) list(1e-3, 3e-3, 1e-3)
list(1, 100, 1/3)

-- the limit and the step are evaluated once, before the loop
do
  local n, calls = 3, 0
  local function lim() calls = calls + 1 return n end
  for i = 1, lim() do n = 10 end
  print(calls)
  local s = 0
  for i = 1, 5 do local i = i * 2 s = s + i end
  print(s)
  for i = 1, 3 do i = i * 10 s = i end
  print(s)
end

-- the variable is fresh in each turn and gone after
do
  local i = "outer"
  for i = 1, 2 do end
  print(i)
  local fs = {}
  for i = 1, 3 do fs[i] = function() return i end end
  print(fs[1](), fs[2](), fs[3]())
end

-- leaving by break, return, error; nesting
do
  for i = 1, 10 do if i == 4 then print("break at", i) break end end
  local function find(x) for i = 1, 10 do if i * i >= x then return i end end end
  print(find(50), find(1), find(1000))
  local n = 0
  for i = 1, 10 do for j = i, 10 do if j % 2 == 0 then n = n + 1 end if n > 20 then break end end end
  print(n)
  for i = 1, 3 do for i = i, 3 do n = n + i end end
  print(n)
end

-- loops that run a lot
do
  local s = 0
  for i = 1, 100000 do s = s + i end
  print(s)
  s = 0
  for i = 100000, 1, -1 do s = s + i end
  print(s)
  for i = 1, 0 do error("never") end
  local c = 0
  for x = 0, 1, 2^-10 do c = c + 1 end
  print(c)
end

-- generic for with plain functions
do
  local function iter(s, c) if c < s then return c + 1, c * c end end
  for i, sq in iter, 4, 0 do print(i, sq) end
  for i in iter, 2, 0 do print(i) end
  local a, b, c, d = iter, 1, 0, "ignored"
  for x, y, z in a, b, c, d do print(x, y, z) end
  for x in function() end do error("never") end
  local t = setmetatable({}, {__call = function(self, s, c) c = (c or 0) + 1 if c <= 3 then return c end end})
  for i in t do print("call", i) end
  for k, v in next, {10} do print(k, v) end
  for i, a, b, c in function(s, i) i = (i or 0) + 1 if i <= 2 then return i, "a" .. i, nil, "c" end end do print(i, a, b, c) end
  -- false ends nothing
  local n = 0
  for v in function() n = n + 1 if n < 3 then return false end end do print(v, n) end
end
