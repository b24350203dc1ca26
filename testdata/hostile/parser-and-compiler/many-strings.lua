-- A hundred thousand different strings, as keys and as values.
-- limits: memory=67108864
-- generate
local t = {}
for i = 1, 20000 do t[i] = "k" .. i .. "='v" .. i .. "'" end
return "local t = {" .. table.concat(t, ",") .. "} print(t.k1, t.k20000)" --> v1	v20000
