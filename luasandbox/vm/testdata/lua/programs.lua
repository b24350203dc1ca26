-- Whole programs, as players write them.
do -- eight queens
  local N, count, first = 8, 0
  local function ok(a, n, c) for i = 1, n - 1 do if a[i] == c or a[i] - i == c - n or a[i] + i == c + n then return false end end return true end
  local function place(a, n)
    if n > N then count = count + 1 if not first then first = table.concat(a, " ") end return end
    for c = 1, N do if ok(a, n, c) then a[n] = c place(a, n + 1) end end
  end
  place({}, 1)
  print(count, first)
end

do -- a tokenizer and calculator with precedence
  local function tokens(s)
    local out = {}
    local i = 1
    while i <= #s do
      local a, b, num = s:find("^%s*(%d+%.?%d*)", i)
      if a then out[#out + 1] = tonumber(num) i = b + 1
      else
        local a, b, op = s:find("^%s*([%+%-%*/%^%(%)])", i)
        if not a then error("bad character at " .. i, 0) end
        out[#out + 1] = op i = b + 1
      end
    end
    return out
  end
  local prec = {["+"] = 1, ["-"] = 1, ["*"] = 2, ["/"] = 2, ["^"] = 3}
  local ops = {["+"] = function(a, b) return a + b end, ["-"] = function(a, b) return a - b end, ["*"] = function(a, b) return a * b end,
    ["/"] = function(a, b) return a / b end, ["^"] = function(a, b) return a ^ b end}
  local function eval(s)
    local ts, pos = tokens(s), 1
    local expr
    local function atom()
      local t = ts[pos] pos = pos + 1
      if t == "(" then local v = expr(1) if ts[pos] ~= ")" then error("missing )", 0) end pos = pos + 1 return v end
      if t == "-" then return -atom() end
      if type(t) ~= "number" then error("unexpected " .. tostring(t), 0) end
      return t
    end
    function expr(level)
      local left = atom()
      while prec[ts[pos]] and prec[ts[pos]] >= level do
        local op = ts[pos] pos = pos + 1
        left = ops[op](left, expr(op == "^" and prec[op] or prec[op] + 1))
      end
      return left
    end
    local v = expr(1)
    if ts[pos] then error("trailing " .. tostring(ts[pos]), 0) end
    return v
  end
  for _, s in ipairs{"1+2*3", "(1+2)*3", "2^3^2", "-2^2", "10/4-1", "2*(3+4)*5", "1+", "(1", "1 2", "a"} do print(s, pcall(eval, s)) end
end

do -- life
  local W, H = 16, 8
  local g = {}
  for y = 1, H do g[y] = {} for x = 1, W do g[y][x] = 0 end end
  for _, c in ipairs{{2, 1}, {3, 2}, {1, 3}, {2, 3}, {3, 3}} do g[c[2]][c[1]] = 1 end
  local function step(g)
    local n = {}
    for y = 1, H do
      n[y] = {}
      for x = 1, W do
        local s = 0
        for dy = -1, 1 do for dx = -1, 1 do if dx ~= 0 or dy ~= 0 then s = s + g[(y + dy - 1) % H + 1][(x + dx - 1) % W + 1] end end end
        n[y][x] = (s == 3 or s == 2 and g[y][x] == 1) and 1 or 0
      end
    end
    return n
  end
  for i = 1, 20 do g = step(g) end
  for y = 1, H do print((table.concat(g[y]):gsub("0", "."):gsub("1", "#"))) end
end

do -- a serializer that round-trips
  local function ser(v)
    if type(v) == "table" then
      local ks = {}
      for k in pairs(v) do ks[#ks + 1] = k end
      table.sort(ks, function(a, b) if type(a) == type(b) then return a < b end return type(a) < type(b) end)
      local out = {}
      for _, k in ipairs(ks) do out[#out + 1] = "[" .. ser(k) .. "]=" .. ser(v[k]) end
      return "{" .. table.concat(out, ",") .. "}"
    elseif type(v) == "string" then return ("%q"):format(v)
    else return tostring(v) end
  end
  local v = {1, 2, {x = "a\"b", y = {true, false}}, name = "n\nl", [2.5] = -1e100}
  local s = ser(v)
  print(s)
  print(ser(loadstring("return " .. s)()) == s)
end

do -- a class system with mixins, a queue, events
  local function class(parent) local c = {} c.__index = c return setmetatable(c, {__index = parent, __call = function(cls, ...) local o = setmetatable({}, cls) if o.init then o:init(...) end return o end}) end
  local Queue = class()
  function Queue:init() self.head, self.tail = 1, 0 end
  function Queue:push(v) self.tail = self.tail + 1 self[self.tail] = v return self end
  function Queue:pop() if self.head > self.tail then return nil end local v = self[self.head] self[self.head] = nil self.head = self.head + 1 return v end
  local Priority = class(Queue)
  function Priority:pop() local bi = nil for i = self.head, self.tail do if self[i] and (not bi or self[i] > self[bi]) then bi = i end end if not bi then return nil end local v = self[bi] self[bi] = false return v end
  local q, p = Queue(), Priority()
  for _, v in ipairs{3, 1, 4, 1, 5, 9, 2, 6} do q:push(v) p:push(v) end
  local a, b = {}, {}
  for v in function() return q:pop() end do a[#a + 1] = v end
  for v in function() return p:pop() end do b[#b + 1] = v end
  print(table.concat(a, " "), table.concat(b, " "))
  local handlers = {}
  local function on(e, f) handlers[e] = handlers[e] or {} table.insert(handlers[e], f) end
  local function emit(e, ...) local n = 0 for _, f in ipairs(handlers[e] or {}) do local ok, err = pcall(f, ...) if not ok then print("handler failed: " .. err) end n = n + 1 end return n end
  local total = 0
  on("add", function(x) total = total + x end) on("add", function(x) if x > 2 then error("too big", 0) end end)
  print(emit("add", 1), emit("add", 3), emit("none"), total)
end

do -- memoized, curried, composed
  local function memo(f) local c = {} return function(n) local v = c[n] if v == nil then v = f(n) c[n] = v end return v end end
  local fib fib = memo(function(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end)
  print(fib(80))
  local function compose(f, g, ...) if not g then return f end return compose(function(...) return f(g(...)) end, ...) end
  print(compose(function(x) return x + 1 end, function(x) return x * 2 end, tonumber)("21"))
  local function map(f, t) local r = {} for i, v in ipairs(t) do r[i] = f(v) end return r end
  local function fold(f, a, t) for _, v in ipairs(t) do a = f(a, v) end return a end
  print(fold(function(a, b) return a + b end, 0, map(function(x) return x * x end, {1, 2, 3, 4, 5})))
end

do -- words, counted and sorted
  local text = "the quick brown fox jumps over the lazy dog the fox"
  local n, ws = {}, {}
  for w in text:gmatch("%a+") do if not n[w] then ws[#ws + 1] = w end n[w] = (n[w] or 0) + 1 end
  table.sort(ws, function(a, b) if n[a] ~= n[b] then return n[a] > n[b] end return a < b end)
  for i = 1, 4 do print(ws[i], n[ws[i]]) end
  print((text:gsub("%a+", function(w) return w:sub(1, 1):upper() .. w:sub(2) end)))
end

do -- matrices and a random walk with its own generator
  local seed = 42
  local function rand() seed = (seed * 1103515245 + 12345) % 2^31 return seed / 2^31 end
  local function mul(a, b) local r = {} for i = 1, #a do r[i] = {} for j = 1, #b[1] do local s = 0 for k = 1, #b do s = s + a[i][k] * b[k][j] end r[i][j] = s end end return r end
  local m = {{1, 1}, {1, 0}}
  local p = m for i = 1, 30 do p = mul(p, m) end
  print(p[1][1], p[1][2], p[2][2])
  local x, y = 0, 0
  for i = 1, 1000 do local r = rand() if r < 0.25 then x = x + 1 elseif r < 0.5 then x = x - 1 elseif r < 0.75 then y = y + 1 else y = y - 1 end end
  print(x, y, string.format("%.6f", rand()))
end

do -- producer, filter, consumer
  local function producer() return coroutine.create(function() for i = 1, 5 do coroutine.yield("line " .. i) end return nil end) end
  local function receive(p) local ok, v = coroutine.resume(p) return v end
  local function filter(p) return coroutine.create(function() local n = 1 while true do local v = receive(p) if not v then return nil end coroutine.yield(("%5d %s"):format(n, v)) n = n + 1 end end) end
  local f = filter(producer())
  for v in function() return receive(f) end do print(v) end
end

do -- towers, permutations, primes, gcd, collatz, binary search
  local moves = 0
  local function hanoi(n, a, b, c) if n == 0 then return end hanoi(n - 1, a, c, b) moves = moves + 1 hanoi(n - 1, c, b, a) end
  hanoi(10, "a", "b", "c") print(moves)
  local comp, ps = {}, {}
  for i = 2, 100 do if not comp[i] then ps[#ps + 1] = i for j = i * i, 100, i do comp[j] = true end end end
  print(#ps, table.concat(ps, ",", 20))
  local function gcd(a, b) while b ~= 0 do a, b = b, a % b end return a end
  print(gcd(1071, 462), gcd(2^40, 2^20 * 3))
  local best, len = 0, 0
  for i = 1, 3000 do local n, l = i, 1 while n ~= 1 do if n % 2 == 0 then n = n / 2 else n = 3 * n + 1 end l = l + 1 end if l > len then best, len = i, l end end
  print(best, len)
  local function bs(t, v) local lo, hi = 1, #t while lo <= hi do local mid = math.floor((lo + hi) / 2) if t[mid] == v then return mid elseif t[mid] < v then lo = mid + 1 else hi = mid - 1 end end end
  print(bs(ps, 53), bs(ps, 54))
end
