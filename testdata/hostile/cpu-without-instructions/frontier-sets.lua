-- A frontier and a set with ten thousand members, tried at each byte.
local set = "[" .. ("b-c"):rep(3000) .. "x]"
local s = ("a"):rep(100000)
for i = 1, 1e9 do s:find("%f" .. set) end --# instructions
