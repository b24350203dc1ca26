-- Coroutines as C Lua 5.1 has them: no yield across pcall, metamethods or
-- iterators written in C (those are in expect/yield.lua).
local create, resume, yield, status, wrap = coroutine.create, coroutine.resume, coroutine.yield, coroutine.status, coroutine.wrap

do -- values in and out
  local co = create(function(a, b)
    print("start", a, b)
    local c = yield(a + b)
    print("got", c)
    local d, e = yield(c * 2, "two")
    print("got", d, e)
    return "done", d, e
  end)
  print(status(co), resume(co, 1, 2))
  print(status(co), resume(co, 10))
  print(status(co), resume(co, "x", nil))
  print(status(co), resume(co))
  print(resume(co, 1, 2, 3))
end

do -- nothing in, nothing out
  local co = create(function(...) print(select("#", ...)) print(select("#", yield())) end)
  print(resume(co)) print(resume(co)) print(resume(co))
  print(resume(create(function() end)))
  print(resume(create(function() return nil, nil end)))
end

do -- states
  local outer, inner
  outer = create(function()
    print("outer", status(outer))
    inner = create(function() print("inside", status(outer), status(inner)) print(resume(outer)) yield() end)
    print(resume(inner))
    print("after", status(inner))
  end)
  print(status(outer)) print(resume(outer)) print(status(outer), status(inner))
  print(coroutine.running())
  local co = create(function() return coroutine.running() end)
  local ok, me = resume(co)
  print(ok, me == co)
  print(resume(co))
end

do -- errors kill a coroutine and reach the resumer
  local co = create(function() local x = nil; x.y = 1 end)
  print(resume(co)) print(status(co)) print(resume(co))
  co = create(function() error({code = 5}) end)
  local ok, e = resume(co)
  print(ok, type(e), e.code)
  co = create(function() error("plain", 0) end) print(resume(co))
  co = create(function() error() end) print(resume(co))
  co = create(function() yield(1) error("later") end) print(resume(co)) print(resume(co)) print(resume(co))
  print(pcall(wrap(function() error("w") end)))
  print(pcall(wrap(function() error({}) end)) == false)
  local w = wrap(function() yield(1) end)
  print(w(), select("#", w()))
  print(pcall(w))
  print(pcall(resume)) print(pcall(resume, 1)) print(pcall(create)) print(pcall(create, 1)) print(pcall(wrap, "x"))
  print(pcall(status, {}))
end

do -- generators
  local function range(n) return wrap(function() for i = 1, n do yield(i, i * i) end end) end
  local s = 0
  for i, sq in range(5) do s = s + i * sq end
  print(s)
  local function permute(a, n)
    if n == 0 then yield(table.concat(a, " ")) else
      for i = 1, n do
        a[i], a[n] = a[n], a[i]
        permute(a, n - 1)
        a[i], a[n] = a[n], a[i]
      end
    end
  end
  for p in wrap(function() permute({1, 2, 3}, 3) end) do print(p) end
  -- a tree, walked by recursive coroutines
  local function tree(t) if t then return wrap(function() for v in tree(t[1]) do yield(v) end yield(t[2]) for v in tree(t[3]) do yield(v) end end) end return function() end end
  local out = {}
  for v in tree({{{nil, 1}, 2, {nil, 3}}, 4, {{nil, 5}, 6}}) do out[#out + 1] = v end
  print(table.concat(out, ","))
end

do -- sieve: a chain of filters
  local function gen(n) return wrap(function() for i = 2, n do yield(i) end end) end
  local function filter(p, g) return wrap(function() while true do local n = g() if n == nil then return end if n % p ~= 0 then yield(n) end end end) end
  local x, ps = gen(60), {}
  while true do local n = x() if n == nil then break end ps[#ps + 1] = n x = filter(n, x) end
  print(table.concat(ps, " "))
end

do -- upvalues shared with a coroutine, before, while and after it runs
  local n = 0
  local get
  local co = wrap(function() local m = 100 get = function() m = m + 1 return m end while true do n = n + 1 m = m + n yield(m) end end)
  print(co(), n, get()) print(co(), n, get()) n = 50 print(co(), n, get())
end

do -- many at once, round robin
  local cs, log = {}, {}
  for i = 1, 50 do cs[i] = wrap(function() for j = 1, 5 do yield(i * j) end return "end" .. i end) end
  for round = 1, 6 do local s = 0 for i = 1, 50 do local v = cs[i]() if type(v) == "number" then s = s + v end end log[round] = s end
  print(table.concat(log, " "))
end

do -- varargs and many values through yield
  local t = {}
  for i = 1, 200 do t[i] = i end
  local co = wrap(function(...) local n = select("#", ...) while true do n = select("#", yield(n, unpack(t))) end end)
  print(select("#", co(unpack(t))), (co()), (co(nil, nil)))
end

do -- yield in a nested call, a tail call, a loop, a constructor, an argument
  local function y(v) return yield(v) end
  local function deep(n) if n == 0 then return y("bottom") end return (deep(n - 1)) end
  local co = wrap(function()
    local a = deep(100)
    local t = {yield(1), yield(2), x = yield(3)}
    local s = "s" .. tostring(yield(4)) .. yield(5)
    print(a, t[1], t[2], t.x, s, yield(6) + yield(7))
    for i = yield("init"), yield("limit"), yield("step") do print("i", i) end
    if yield("cond") then print("then") else print("else") end
    return y("last")
  end)
  print(co()) for i = 1, 7 do print(co(i)) end

end

do -- a coroutine inside one inside one
  local depth = 0
  local function nest(n) depth = depth + 1 if n > 0 then local co = wrap(function() yield(nest(n - 1)) end) return co() end return depth end
  print(nest(50))
  local function err(n) if n == 0 then error("deep", 0) end local ok, e = resume(create(function() err(n - 1) end)) error(e .. "+", 0) end
  print(pcall(err, 5))
end

do -- the main program cannot yield
  print(pcall(yield, 1))
end

do -- wrap inside pcall inside a coroutine; error in one of them
  local co = create(function()
    local g = wrap(function() yield("g1") error("inner", 0) end)
    print(g())
    print(pcall(g))
    print(pcall(g))
    return "outer ends"
  end)
  print(resume(co))
end

do -- tail calls in a coroutine
  local function loop(n) if n == 0 then return yield("tail") end return loop(n - 1) end
  local co = wrap(function() return loop(10000) end)
  print(co(), co("r"))
end
