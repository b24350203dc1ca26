-- Table keys of a megabyte, a new one each time, so that none is hashed before.
-- limits: instructions=5000000
local s, t = ("k"):rep(1e6), {}
for i = 1, 1e9 do t[s .. i] = nil local _ = t[s .. i] end --# instructions
