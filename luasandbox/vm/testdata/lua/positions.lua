-- The lines that errors are said to be at, in statements over several lines.
local function try(f, ...)
  local ok, e = pcall(f, ...)
  print(e)
end
local t, n = {}, nil
try(function()
  local a = 1
  local b = a +
    n
end)
try(function()
  return n
    .x
end)
try(function()
  n
    .x
    .y = 1
end)
try(function()
  t.
  a.
  b = 1
end)
try(function()
  undefined(
    1
  )
end)
try(function()
  undefined(
    1,
    2)
end)
try(function()
  t:nothing(
  )
end)
try(function()
  t.x.
  y()
end)
try(function()
  local x =
    "a" ..
    n ..
    "b"
end)
try(function()
  local x = "a" .. "b" ..
    {}
end)
try(function()
  if
    t <
    1
  then
  end
end)
try(function()
  while 1 <
    t do
  end
end)
try(function()
  repeat
    local x
  until
    x.y
end)
try(function()
  for i = 1,
    n do
  end
end)
try(function()
  for k in
    n
  do
  end
end)
try(function()
  for k in pairs(
    nil
  ) do
  end
end)
try(function()
  return
    -t
end)
try(function()
  local x = {
    1,
    n.x,
    2
  }
end)
try(function()
  local x = {
    a = 1,
    b = t.q.r,
  }
end)
try(function()
  error(
    "raised"
  )
end)
try(function() error("same line") end)
try(function()
  local function f()
    error("level two", 2)
  end

  f()
end)
try(function()
  assert(false,
    "asserted")
end)
try(function()
  t.a,
  n.b = 1,
  2
end)
try(function()
  local a, b =
    1,
    n()
end)
try(function()
  return t.f(
    function()
    end
  )
end)
try(function()
  (function()
    n.x = 1
  end)()
end)
try(function()
  local x = t
    and n.x
end)
try(function()
  local x = n
    or n.x
end)
try(function()
  local x = not
    n.x
end)
try(function()
  string.rep(
    {},
    1
  )
end)
try(function() local x = #
n end)
try(function()

  local f = function(a,
    b)
    return a.x
  end
  f(n)
end)
-- line numbers after long strings, comments and continued strings
local s = [[
one
two]] try(function() error("after a long string") end)
--[[
  comment
]] try(function() error("after a comment") end)
s = "a\
b\
c" try(function() error("after a continued string") end)
try(loadstring("\n\nlocal x\nx()\n"))
try(loadstring("error('x')"))
try(loadstring("return (...)()\n\n"))
try(loadstring("local a = 1\r\nlocal b\r\nb()"))
