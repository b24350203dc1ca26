-- format.

local zero = 0 -- C Lua takes the constants 0 and -0 for one
local numbers = {
  0, -zero, 1, -1, 0.5, -0.5, 1.5, 2.5, 3.14159265358979, 10, 99.5, 100, 255, 256, 1e5, 123456, 999999.5, 1e6, 1e14, 1e15, 1e16, 123456789012345678, 1e-4, 1e-5, 0.0001234567,
  2^31 - 1, 2^31, -2^31, -2^31 - 1, 2^32, 2^53, 2^53 + 2, 2^63, -2^63, -2^63 - 4096, 2^64, 1.5e19, 1e300, -1e300, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308,
  1/0, -1/0, -(0/0), 0.1, 0.2 + 0.1, 1/3, -1/3, 0.045, 0.125, 1e21, 1e22, 4.35, 0.995, 9.995, 65, -65, 321.9,
}
local specs = {
  "%d", "%5d", "%-5d|", "%05d", "%+d", "% d", "%.3d", "%8.3d", "%-8.3d|", "%08.3d", "%.0d", "%.d", "%+05d", "% 05d", "%-05d|", "%99d", "%i", "%#d",
  "%u", "%12u", "%012u", "%.5u", "%+u", "%o", "%#o", "%5o", "%#.3o", "%#.0o", "%.0o", "%x", "%X", "%#x", "%#X", "%08x", "%#08x", "%-#8x|", "%#.5x", "%.0x", "%#.0x", "%+x", "% x",
  "%e", "%E", "%.0e", "%#.0e", "%.1e", "%.20e", "%15.3e", "%-15.3e|", "%015.3e", "%+e", "% e", "%.99e", "%99.50e",
  "%f", "%.0f", "%#.0f", "%.1f", "%5.1f", "%.2f", "%-10.2f|", "%010.2f", "%+f", "% f", "%+010.1f", "%.20f", "%.99f", "%99.3f",
  "%g", "%G", "%.0g", "%.1g", "%.3g", "%.10g", "%.14g", "%.17g", "%.40g", "%#g", "%#.3g", "%#.0g", "%12g", "%-12g|", "%012g", "%+g", "% g", "%#.10G", "%.99g",
  "%c", "%5c", "%-5c|", "%05c",
  "%s", "%12s", "%-12s|", "%.3s", "%.s", "%.0s", "%9.3s", "%-9.3s|", "%q",
}
for _, spec in ipairs(specs) do
  for _, n in ipairs(numbers) do
    -- The GNU C library drops the zeros of "1.00000e+06" here, against the C standard.
    if not (spec == "%#g" and n == 999999.5) then
      case("format", spec, n)
    end
  end
end

local texts = {"", "x", "hello", "two\nlines", "quote \" and \\ and \r and \0 and \1\200", "a\0b", string.rep("y", 98), string.rep("y", 99), string.rep("y", 100), string.rep("y\0", 60)}
for _, spec in ipairs{"%s", "%5s", "%-5s|", "%05s", "%+s", "%#s", "% s", "%.3s", "%10.3s", "%.0s", "%99s", "%-99s|", "%.99s", "%99.99s", "%q", "%5q", "%.1q"} do
  for _, s in ipairs(texts) do
    case("format", spec, s)
  end
end

for b = 0, 255 do
  case("format", "%c<%q>", b, string.char(b))
end

for _, form in ipairs{
  "", "%%", "100%%", "%%%%", "%%d", "%", "x%", "%y", "%5y", "%-y", "%ld", "%hd", "%Lf", "%n", "%p", "%a", "%A", "%F", "%D", "%S", "%C", "%v", "%#v", "%T", "%t", "%\0", "%\0d", "% ", "%.", "%5", "%5.", "%5.5",
  "%-+ #0d", "%-+ #00d", "%------d", "%-----d", "%+++++d", "%++++++d", "%000005d", "%00005d", "%123d", "%12d", "%.123d", "%.12d", "%1.123d", "%123.1d", "%99.99d", "%100d", "%.100f", "%0100d",
  "%*d", "%1$d", "%-", "%+", "%#", "%0", "%-5", "%q%", "%(d", "%\255", "%\n", "%d%", "%5.2%", "%-%", "%.%", "a\0b%d", "%d\0%d", "%d%%%d", "%%%d%%", "%d %s", "%s%s%s",
} do
  case("format", form)
  case("format", form, 1)
  case("format", form, 1, 2, 3)
  case("format", form, "1", "x", nil)
end

for _, verb in ipairs{"d", "i", "o", "u", "x", "X", "c", "e", "E", "f", "g", "G", "s", "q"} do
  for _, v in ipairs{"12", "0x10", " 7 ", "1e2", "x", "", "1x", true, {}, print} do
    case("format", "%" .. verb, v)
  end
  case("format", "%" .. verb)
  case("format", "%" .. verb, nil)
  case("format", "%5" .. verb .. "|%-5" .. verb .. "|", 3, 4)
end
report("format()", pcall(call.format))
case("format", nil)
case("format", {})
case("format", 12)
case("format", 12.5, 1)
case("format", "%s", setmetatable({}, {__tostring = function() return "mine" end}))
report("method", pcall(function() return ("%d"):format() end))
report("method", pcall(function() return ("%d"):format("x") end))
report("method", pcall(function() return ("%s %s"):format(1) end))
report("long", pcall(function() return #string.format("%s%s", string.rep("a", 5000), string.rep("b", 5000)) end))
report("many", pcall(function() return string.format(string.rep("%d,", 60), unpack({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
  31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60})) end))

local flags = {"", "", "-", "+", " ", "#", "0", "-+", "+0", "0-", "#0", " 0", "-#"}
local verbs = {"d", "i", "o", "u", "x", "X", "e", "E", "f", "g", "G"}
for i = 1, 2000 do
  local spec = "%" .. pick(flags)
  if random(2) == 1 then
    spec = spec .. random(30)
  end
  if random(2) == 1 then
    spec = spec .. "." .. (random(25) - 1)
  end
  local n = (random(2000000) - 1000000) * 10 ^ (random(40) - 20)
  if random(3) == 1 then
    n = random(100000) / 2 ^ random(20)
  end
  case("format", spec .. pick(verbs), n)
end
