-- The memory that collectgarbage tells, as a source of randomness.
local o = {}
for i = 1, 5 do local t = {} for j = 1, 100 do t[j] = {j} end o[i] = collectgarbage("count") end
local d = {}
for i = 2, 5 do d[i - 1] = (o[i] - o[i - 1]) * 1024 end
print(table.concat(d, " ")) --> 17008 17024 17056 16992
