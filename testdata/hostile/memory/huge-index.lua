-- One assignment far away from all others: no table may grow to there.
local t = {}
for e = 1, 60 do t[2 ^ e] = e t[2 ^ e - 1] = e t[-2 ^ e] = e end
print(#t < 10, collectgarbage("count") < 200) --> true	true
