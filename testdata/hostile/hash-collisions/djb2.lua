-- Strings of pairs that collide under x*33 + c, in all combinations.
local pairs2, t, n = {"Ez", "FY"}, {}, 0
local function build(s, d) if d == 0 then t[s] = true n = n + 1 else for _, p in ipairs(pairs2) do build(s .. p, d - 1) end end end
build("", 11)
print(n, t[("Ez"):rep(11)], t[("FY"):rep(11)], t[("EzFY"):rep(5) .. "Ez"]) --> 2048	true	true	true
