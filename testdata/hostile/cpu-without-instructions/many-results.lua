-- Constructors, concat and unpack of lists that are rebuilt in one instruction.
local t = {}
for i = 1, 6000 do t[i] = i end
for i = 1, 1e9 do local u = {unpack(t)} local s = table.concat(u, ",") end --# instructions
