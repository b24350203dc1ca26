-- len, sub, byte, char, rep, upper, lower, reverse.

local texts = {"", "a", "hello", "\0\1\127\128\255", "Hello World 123 \196\214\220 {|}", 12, -0.5, 1e15, 0/0}
local positions = {-100, -6, -5, -1, 0, 1, 2, 5, 6, 100, 2.7, -2.7, "3", "0x2", " 4 ", 1e300, -1e300, 0/0, 1/0, -1/0, 2^31, 2^32 + 1, 2^53, -2^63}

for _, s in ipairs(texts) do
  case("len", s)
  case("upper", s)
  case("lower", s)
  case("reverse", s)
  case("byte", s)
  for _, n in ipairs{-1, 0, 1, 2, 3, "2", 2.9, -2^31, 2^32 + 2, 2^32, -1e300, 0/0} do
    case("rep", s, n)
  end
end

for _, i in ipairs(positions) do
  case("sub", "hello", i)
  case("byte", "hello", i)
  for _, j in ipairs(positions) do
    case("sub", "hello", i, j)
    case("byte", "hello", i, j)
  end
end
case("sub", "hello", 2, nil)
case("byte", "hello", nil, 3)
case("byte", "hello", 2, nil)
case("rep", "", 1e9)
case("rep", "ab", 3, "ignored")

case("char")
case("char", 65)
case("char", 72, 105, "33", 46.9, 0, 255)
for _, b in ipairs{-1, 256, 255.9, -0.9, "65", "x", 2^32 + 65, 1e300, -1e300, 0/0, {}, true} do
  case("char", b)
  case("char", 65, b)
end

for _, name in ipairs{"len", "sub", "byte", "rep", "upper", "lower", "reverse", "char"} do
  if name ~= "char" then
    case(name)
  end
  for _, v in ipairs{true, {}, print} do
    case(name, v)
    case(name, "x", v)
    case(name, "x", 1, v)
  end
  case(name, nil)
  case(name, "x", nil)
  case(name, "x", "y")
  case(name, "x", "1x")
  case(name, "x", "")
end

local all = {}
for b = 0, 255 do
  all[b + 1] = string.char(b)
end
all = table.concat(all)
for from = 1, 256, 32 do
  local some = all:sub(from, from + 31)
  case("upper", some)
  case("lower", some)
  case("reverse", some)
  case("byte", some, 1, -1)
end

report("byte of 7990", pcall(function() return select("#", string.byte(("x"):rep(7990), 1, -1)) end))
report("byte of 8000", pcall(function() return select("#", string.byte(("x"):rep(8000), 1, -1)) end))
report("methods", pcall(function() return ("x"):rep(3), ("abc"):upper(), ("abc"):sub(2), ("%d"):format(7), ("abc"):len(), (5 .. ""):byte() end))
report("method error", pcall(function() return ("x"):rep({}) end))
report("method error", pcall(function() return ("x").rep() end))
report("method error", pcall(function() return ("x"):char() end))
report("method error", pcall(function() return ("x"):nothing() end))
report("same function", string.gfind == string.gmatch, ("").find == string.find)

for i = 1, 200 do
  local s = subject(12)
  local i, j = random(30) - 15, random(30) - 15
  case("sub", s, i, j)
  case("byte", s, i, j)
  case("reverse", s)
  case("upper", s)
  case("rep", s, random(4))
end
