local basexx = require "basexx"
for _, s in ipairs{"", "f", "fo", "foo", "foob", "fooba", "foobar", "\0\1\254\255", ("x"):rep(100)} do
  local z = #s % 4 == 0 and basexx.to_z85(s) or "-"
  print(basexx.to_base64(s), basexx.to_base32(s), basexx.to_hex(s), basexx.to_bit(s):sub(1, 40), basexx.to_crockford(s), basexx.to_url64(s), z)
  print(basexx.from_base64(basexx.to_base64(s)) == s, basexx.from_base32(basexx.to_base32(s)) == s, basexx.from_hex(basexx.to_hex(s)) == s,
    basexx.from_bit(basexx.to_bit(s)) == s, basexx.from_url64(basexx.to_url64(s)) == s, z == "-" or basexx.from_z85(z) == s)
end
print(basexx.from_base64("Zm 9v", " "), basexx.from_base64("Z!"), basexx.from_hex("xyz"), basexx.from_base32("1"))
