-- Thirty-two captures of a large text, kept, for each match.
-- limits: instructions=80000000
local s, t = ("x"):rep(3200), {}
for i = 1, 1e9 do t[i] = {s:match(("(" .. ("."):rep(100) .. ")"):rep(32))} end --# memory
