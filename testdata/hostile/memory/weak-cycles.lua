-- Keys of weak tables that are held by their own values, and so are never free.
local t = {} for i = 1, 1e9 do local w, k = setmetatable({}, {__mode = "k"}), {} w[k] = {k} t[i] = w end --# memory
