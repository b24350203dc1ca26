-- How numbers print (%.14g), and arithmetic at the edges.
for _, x in ipairs{0, 1, -1, 0.5, -0.5, 1.5, 100, 1e3, 1e5, 1e10, 1e13, 1e14, 1e15, 1e16, 1e20, 1e21, 1e100, 1e-1, 1e-4, 1e-5, 1e-10, 1e-300,
  123456789, 1234567890123, 12345678901234, 123456789012345, 1234567890123456, 0.1, 0.2, 0.1 + 0.2, 1/3, 2/3, 10/3, 100/3, 1e15/3, 3.14159265358979,
  99999999999999, 999999999999999, 9999999999999.9, 99999999999999.9, 99999999999999.4, 99999999999999.5, 0.00001, 0.000099999999999999, 0.0001,
  5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 2^31, 2^32, 2^53, 2^53 + 1, 2^63, 2^64, -2^31, -2^53, -2^63, 1e308 * 10, -1e308 * 10,
  65536, 1e4 / 7, 1e-7 / 3, 123.456, 1.0, 10.0, 1.10, 12345.678900, 1e2, 1e+2, 5e-1} do print(x, -x) end

-- integers around the borders of %.14g
for e = 10, 17 do print(10^e - 1, 10^e, 10^e + 1) end
for e = 1, 70, 7 do print(2^e, -2^e, 2^-e) end

-- arithmetic
print(7 % 3, -7 % 3, 7 % -3, -7 % -3, 5.5 % 2, -5.5 % 2, 5 % 0.3, 0 % 5, 1e15 % 7, 2^53 % 3, -1 % 2^53)
print(1 % math.huge, -1 % math.huge == math.huge or -1 % math.huge ~= -1 % math.huge, 5 % -math.huge == -math.huge or true)
print(7 / 2, -7 / 2, 1 / 4, 0 / 5, 1e308 / 1e-308, -1 / 0, 1 / 0)
print(2 ^ 10, 2 ^ 0.5, 2 ^ -1, (-2) ^ 3, (-8) ^ (1/3) ~= (-8) ^ (1/3), 0 ^ 0, 10 ^ 2, 4 ^ 0.5, -2 ^ 2, 2 ^ 3 ^ 2, (2 ^ 3) ^ 2)
print(1 + 2 * 3 - 4 / 2, (1 + 2) * 3, 2 * 3 % 4, 2 + 3 .. "", 2 .. 3 + 1, -3 ^ 2, -(-3), - - 3, not 1 == 2, not (1 == 2))
print(10 - 5 - 2, 100 / 10 / 2, 2 ^ 2 ^ 3, "a" .. "b" .. "c" == "abc", 1 .. 2 .. 3)
print(1 < 2 == true, "a" < "b" == not false, 1 == 1 ~= false, 1 < 2 and 2 < 3, 1 > 2 or 3 > 2, not nil and 1)
print(2 * 3 + 4 * 5 - 6 / 2 ^ 2 % 3, -2 ^ -2, 2 ^ -2 ^ 2, -2 * -3, #"abc" + 1, -#"abc", not #"" == 0)

-- comparisons with infinities and NaN
local inf, nan = 1/0, 0/0
print(inf == inf, -inf < inf, inf > 1e308, nan == nan, nan ~= nan, nan < nan, nan <= nan, nan > 1, nan < 1, not (nan < 1))
print(inf - inf ~= inf - inf, inf + 1 == inf, inf * 0 ~= inf * 0, inf / inf ~= inf / inf, 1 / inf, -1 / inf == 0)
print(math.max(1, inf), math.min(1, -inf), inf, -inf)
local t = {[inf] = "inf", [-inf] = "-inf"}
print(t[inf], t[-inf], t[nan], t[1e308 * 10])

-- constants: folding and large tables of them
local a = 1 + 2 * 3 ^ 2 - 4 / 2 % 3
print(a, 60 * 60 * 24, 2 ^ 20 - 1, -5 + 3, - 5 * 2, 1 / 3 * 3 == 1)
local src = {}
for i = 1, 600 do src[i] = "t[" .. i .. "]=" .. i .. ".25 t['k" .. i .. "']='v" .. i .. "'" end
local f = loadstring("local t = {} " .. table.concat(src, " ") .. " return t")
local r = f()
local ok = true
for i = 1, 600 do ok = ok and r[i] == i + 0.25 and r["k" .. i] == "v" .. i end
print(ok)
src = {}
for i = 1, 600 do src[i] = "if x == " .. i .. " then return 'n" .. i .. "' elseif x == 'n" .. i .. "' then return " .. i .. " end if y < -" .. i .. " then return -" .. i .. " end" end
f = loadstring("local x, y = ... y = y or 0 " .. table.concat(src, " "))
print(f(1), f(255), f(256), f(257), f(600), f("n1"), f("n300"), f("n600"), f(nil, -1.5), f(601))

-- numerals
print(0x10, 0xff, 0XAB, 0xABCDEF, 1e2, 1E2, .5, 5., 3e-2, 0.1e1, 0x0, 00, 007, 1e0, 0e5, 0x7fffffff, 0xffffffff, 1e1000, 5e-400)
print(123456789012345678901234567890, 0.1234567890123456789, 1.7976931348623157e308, 4.9e-324)
print(0xA + 0xa)
