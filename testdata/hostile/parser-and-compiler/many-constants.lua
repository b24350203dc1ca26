-- More constants than an instruction can name, each another.
-- generate
local t = {}
for i = 1, 70000 do t[i] = i end
return "local t = {" .. table.concat(t, ",") .. "} print(#t, t[1], t[#t])" --> 70000	1	70000
