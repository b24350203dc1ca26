-- Tables with one field, kept.
local t = {} for i = 1, 1e9 do local r = {} r.x = i t[i] = r end --# memory
