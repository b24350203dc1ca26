-- Numbers that are hard to read or to write: made up by a generator of its own, the
-- same on every machine.
local seed = 12345
local function random(n)
  seed = seed * 16807 % 2147483647
  return seed % n
end
local function digits(n)
  local s = {}
  for i = 1, n do s[i] = random(10) end
  return table.concat(s)
end
-- What a decimal numeral is read as: of any length, with and without an exponent.
for i = 1, 1500 do
  local s = digits(1 + random(22))
  if random(3) > 0 then
    local at = random(#s + 1)
    s = s:sub(1, at) .. "." .. s:sub(at + 1)
  end
  local kind = random(4)
  if kind == 1 then s = s .. "e" .. random(310) end
  if kind == 2 then s = s .. "E-" .. random(345) end
  try("tonumber('" .. s .. "')")
end
-- Numerals half-way between two numbers, and next to half-way.
for e = 53, 120, 3 do
  local n = string.format("%.0f", 2 ^ e + 2 ^ (e - 53))
  try("tonumber('" .. n .. "')")
  for _, tail in ipairs { ".0000000000000000000001", "00000e-5", ".5", "1e-1" } do try("tonumber('" .. n .. tail .. "')") end
end
for _, s in ipairs { "2.2250738585072011e-308", "2.2250738585072012e-308", "2.2250738585072014e-308", "4.9406564584124654e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "2.4703282292062327208e-324", "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "1.797693134862315807e308", "9007199254740993", "9007199254740992.999999999999999999", "9007199254740993.000000000000001", "0.1e-323", "1e23", "8.41e21", "9.5e-3", "5e-320", "1e-400", "1e400", "0e999999", "1e99999999999", "1e-99999999999" } do
  for _, sign in ipairs { "", "-", "+", " " } do try("tonumber('" .. sign .. s .. "')") end
end
-- Texts of the letters that numerals are made of: most are none.
local letters = { "0", "1", "9", ".", "e", "E", "+", "-", "x", "X", "a", "f", "p", " ", "n", "i", "_" }
for i = 1, 1000 do
  local s = {}
  for j = 1, 1 + random(6) do s[j] = letters[1 + random(#letters)] end
  try("tonumber('" .. table.concat(s) .. "')")
end
-- Hexadecimal, and other bases, up to and beyond what they hold.
for i = 1, 300 do
  try("tonumber('0x" .. string.format("%x", random(2147483647)):rep(1 + random(3)) .. "')")
  try("tonumber('" .. string.format("%x", random(2147483647)):rep(1 + random(3)) .. "', " .. 2 + random(35) .. ")")
end
-- How numbers are shown: of every magnitude, of few and of many bits.
for i = 1, 1200 do
  local m = random(2) == 0 and random(1000) or random(2147483647) * 4194304 + random(4194304)
  try("tostring(" .. (random(2) == 0 and "-" or "") .. string.format("%.0f", m) .. " * 2^" .. random(1100) - 560 .. ")")
end
for i = 1, 400 do try("tostring(" .. digits(1 + random(16)) .. " / 1e" .. random(25) .. ")") end
for e = -10, 20 do for _, m in ipairs { "1", "9.9999999999999", "9.99999999999995", "9.999999999999951", "5", "1.00000000000001", "1.000000000000005" } do try("tostring(" .. m .. "e" .. e .. ")") end end
