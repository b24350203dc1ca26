local mp = require "MessagePack"
local function hex(s) return (s:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end
for _, v in ipairs{
  0, 1, -1, 127, 128, -32, -33, 255, 256, 65535, 65536, 2^31, 2^32, -2^31, -2^40, 2^53, 0.5, -1.5, 1e300, 1/0, -1/0, 5e-324, 0.1,
  "", "a", ("x"):rep(31), ("x"):rep(32), ("x"):rep(300), true, false, {}, {1, 2, 3}, {a = 1}, {{{}}}, {1, {a = {2}}},
} do
  local packed = mp.pack(v)
  local back = mp.unpack(packed)
  print(type(v), #packed, hex(packed):sub(1, 60), type(back), type(v) == "table" or back == v)
end
print(hex(mp.pack(nil)), pcall(mp.unpack, "\193"), pcall(mp.unpack, "\147\1"))
mp.set_number "float" print(hex(mp.pack(0.1)), mp.unpack(mp.pack(0.5)))
mp.set_string "binary" print(hex(mp.pack("ab")))
mp.set_array "always_as_map" print(hex(mp.pack{7}))
for _, v in mp.unpacker(mp.pack(1) .. mp.pack("two") .. mp.pack{3}) do print(type(v), tostring(v):sub(1, 5)) end
local t = {}
for i = 1, 2000 do t[i] = i * 1.5 end
print(#mp.pack(t), #mp.unpack(mp.pack(t)))
