-- The expectations are those of the Lua 5.2 manual, section 6.7, and of its tests.
assert(bit32.band() == 0xFFFFFFFF)
assert(bit32.bor() == 0 and bit32.bxor() == 0)
assert(bit32.btest() == true and bit32.btest(0) == false)
assert(bit32.band(0x12345678, 0xFF) == 0x78)
assert(bit32.band(0xFF, 0x0F, 0x3) == 3)
assert(bit32.bor(1, 2, 4) == 7)
assert(bit32.bxor(0xFF, 0x0F) == 0xF0)
assert(bit32.bnot(0) == 0xFFFFFFFF and bit32.bnot(0xFFFFFFFF) == 0)
assert(bit32.btest(1, 2) == false and bit32.btest(3, 2) == true)
---
-- All arguments count modulo 2^32.
assert(bit32.band(-1) == 0xFFFFFFFF)
assert(bit32.band(2^32) == 0 and bit32.band(2^32 + 5) == 5)
assert(bit32.band(-2^31) == 0x80000000)
assert(bit32.band(2^53) == 0 and bit32.band(2^53 - 1) == 0xFFFFFFFF)
assert(bit32.band(2^63) == 0 and bit32.band(-2^63) == 0)
assert(bit32.band(2^63 + 2^11) == 2^11 and bit32.band(-2^63 - 2^11) == 2^32 - 2^11)
assert(bit32.band(2^84) == 0 and bit32.band(2^83 + 2^31) == 2^31)
assert(bit32.band(1e308) == 0)
assert(bit32.band(math.huge) == 0 and bit32.band(-math.huge) == 0 and bit32.band(0/0) == 0)
assert(bit32.band("0xff") == 255)
---
-- A fraction is rounded to the nearest integer, as Lua 5.2 does on x86.
assert(bit32.band(1.4) == 1 and bit32.band(1.6) == 2 and bit32.band(2.5) == 2 and bit32.band(-1.4) == 0xFFFFFFFF)
---
assert(bit32.lshift(1, 0) == 1 and bit32.lshift(1, 31) == 0x80000000 and bit32.lshift(1, 32) == 0)
assert(bit32.lshift(1, -1) == 0 and bit32.lshift(2, -1) == 1 and bit32.lshift(0xFFFFFFFF, -32) == 0)
assert(bit32.lshift(1, 2^31 - 1) == 0 and bit32.lshift(1, -2^31) == 0)
assert(bit32.rshift(0x80000000, 31) == 1 and bit32.rshift(0x80000000, 32) == 0)
assert(bit32.rshift(1, -31) == 0x80000000 and bit32.rshift(-1, 1) == 0x7FFFFFFF)
assert(bit32.rshift(1, 2^31 - 1) == 0 and bit32.rshift(1, -2^31) == 0)
---
assert(bit32.arshift(0x80000000, 1) == 0xC0000000 and bit32.arshift(0x80000000, 31) == 0xFFFFFFFF)
assert(bit32.arshift(0x80000000, 32) == 0xFFFFFFFF and bit32.arshift(0x7FFFFFFF, 32) == 0)
assert(bit32.arshift(0x40000000, 1) == 0x20000000 and bit32.arshift(1, -1) == 2)
assert(bit32.arshift(-1, 2^31 - 1) == 0xFFFFFFFF and bit32.arshift(-1, -2^31) == 0)
---
assert(bit32.lrotate(0x12345678, 4) == 0x23456781 and bit32.lrotate(0x12345678, -4) == 0x81234567)
assert(bit32.lrotate(0x12345678, 32) == 0x12345678 and bit32.lrotate(0x12345678, 36) == 0x23456781)
assert(bit32.rrotate(0x12345678, 4) == 0x81234567 and bit32.rrotate(0x12345678, -36) == 0x23456781)
assert(bit32.rrotate(1, 2^31 - 1) == 2 and bit32.lrotate(1, -2^31) == 1)
---
assert(bit32.extract(0x12345678, 0, 4) == 8 and bit32.extract(0x12345678, 4, 8) == 0x67)
assert(bit32.extract(0xF2345678, 28, 4) == 0xF and bit32.extract(0x80000000, 31) == 1)
assert(bit32.extract(0x12345678, 0, 32) == 0x12345678)
assert(bit32.replace(0x12345678, 5, 28, 4) == 0x52345678 and bit32.replace(0, 1, 31) == 0x80000000)
assert(bit32.replace(0x12345678, 0xABCDEF01, 0, 32) == 0xABCDEF01 and bit32.replace(0xFF, 0x100, 0, 4) == 0xF0)
assert(bit32.replace(-1, 0, 4, 8) == 0xFFFFF00F)
---
bit32.extract(0, -1) --! bad argument #2 to 'extract' (field cannot be negative)
---
bit32.extract(0, 0, 0) --! bad argument #3 to 'extract' (width must be positive)
---
bit32.extract(0, 32) --! trying to access non-existent bits
---
bit32.extract(0, 2^31 - 1, 2^31 - 1) --! trying to access non-existent bits
---
bit32.replace(0, 0, 31, 2) --! trying to access non-existent bits
---
bit32.replace(0, 0, -1) --! bad argument #3 to 'replace' (field cannot be negative)
---
bit32.band(1, {}) --! bad argument #2 to 'band' (number expected, got table)
---
bit32.bnot() --! bad argument #1 to 'bnot' (number expected, got no value)
---
bit32.lshift(1) --! bad argument #2 to 'lshift' (number expected, got no value)
---
-- A checksum that mods are fond of.
local function crc32(s)
  local crc = 0xFFFFFFFF
  for i = 1, #s do
    crc = bit32.bxor(crc, s:byte(i))
    for _ = 1, 8 do
      local mask = -bit32.band(crc, 1)
      crc = bit32.bxor(bit32.rshift(crc, 1), bit32.band(0xEDB88320, mask))
    end
  end
  return bit32.bnot(crc)
end
assert(crc32("123456789") == 0xCBF43926)
