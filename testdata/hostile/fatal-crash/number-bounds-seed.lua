-- Seeds, exponents and digits at which number conversions loop or overflow.
local ok = true
for _, s in ipairs {"0x" .. ("f"):rep(5000), "1e" .. ("9"):rep(5000), "1e-" .. ("9"):rep(5000), ("0"):rep(20000) .. "1", "." .. ("0"):rep(20000) .. "1", "0x1p" .. ("9"):rep(400), "nan", "inf", "0x", "1e", "1_0", "٣"} do
  local n = tonumber(s)
  ok = ok and (n == nil or type(n) == "number")
  for base = 2, 36 do local m = tonumber(s:sub(1, 500), base) ok = ok and (m == nil or type(m) == "number") end
end
print(ok) --> true
print(pcall(tonumber, "1", 1)) --> false	bad argument #2 to '?' (base out of range)
print(pcall(tonumber, "1", 37)) --> false	bad argument #2 to '?' (base out of range)
print(pcall(tonumber, "1", 0 / 0)) --> false	bad argument #2 to '?' (base out of range)
