-- Date formats with every directive there is and is not, and times that no calendar has.
local bad = 0
for b = 0, 255 do
  for _, at in ipairs {0, -1, 2 ^ 31, -2 ^ 33, 1e15, -1e15, 1e300, 0 / 0} do
    local ok, s = pcall(os.date, "%" .. string.char(b), at)
    if type(s) == "string" and #s > 200 then bad = bad + 1 end
  end
end
print(bad) --> 0
print((pcall(os.date, ("%c"):rep(40000)))) --> false
