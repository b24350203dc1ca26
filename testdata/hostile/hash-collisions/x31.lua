-- The same for x*31 + c.
local t, n = {}, 0
local function build(s, d) if d == 0 then t[s] = true n = n + 1 else build(s .. "Aa", d - 1) build(s .. "BB", d - 1) end end
build("", 11)
print(n, t[("Aa"):rep(11)], t[("AaBB"):rep(5) .. "Aa"]) --> 2048	true	true
