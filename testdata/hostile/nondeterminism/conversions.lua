-- Numbers out of range, NaN and infinities where the processor decides what an integer is.
local o = {}
for _, x in ipairs {0 / 0, 1 / 0, -1 / 0, 2 ^ 31, -2 ^ 31 - 1, 2 ^ 63, 1e300, -1e300, 0.5, -0.5} do
  local ok, s = pcall(string.format, "%d %x", x, x)
  o[#o + 1] = ok and s or "error"
  o[#o + 1] = tostring(select(2, pcall(string.sub, "abcdef", x, -x)))
  o[#o + 1] = bit32 and tostring(bit32.band(x, 255)) or 0
end
print(table.concat(o, ",")) --> -9223372036854775808 8000000000000000,,0,-9223372036854775808 0,,0,-9223372036854775808 8000000000000000,,0,2147483648 80000000,,0,-2147483649 ffffffff7fffffff,abcdef,255,-9223372036854775808 8000000000000000,,0,-9223372036854775808 0,,0,-9223372036854775808 8000000000000000,,0,0 0,,0,0 0,,0
