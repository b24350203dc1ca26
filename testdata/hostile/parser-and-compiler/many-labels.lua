-- Five thousand labels and as many jumps, forward, backward and across each other.
-- generate
local t = {}
for i = 1, 5000 do t[#t + 1] = "goto a" .. i .. " ::b" .. i .. ":: " end
for i = 1, 5000 do t[#t + 1] = "::a" .. i .. ":: " end
return table.concat(t) .. "print('through')" --> through
