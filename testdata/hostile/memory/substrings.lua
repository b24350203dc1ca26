-- One byte of each of some large strings: a small string must not hold the large one.
-- limits: instructions=20000000
local t = {}
for i = 1, 100 do local s = ("x"):rep(2e5) .. i t[i] = s:sub(1, 1) .. s:sub(-3) t[-i] = s:match("^(.-)x") for w in s:sub(-9):gmatch("%d+") do t[i + 0.5] = w end end
print(collectgarbage("count") < 2048 * 1.25) --> true
