-- A tower of protected calls that are all the library's, and one that calls itself.
local t = {}
for i = 1, 240 do t[i] = pcall end
print(select("#", pcall(unpack(t))) > 2) --> true
local function again() return pcall(again) end
print((again())) --> true
local x = {}
for i = 1, 100 do x[i] = xpcall x[100 + i] = xpcall end
print((pcall(unpack(x)))) --> true
