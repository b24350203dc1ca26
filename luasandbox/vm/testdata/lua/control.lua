-- Control flow: conditions of every shape, loops, breaks, returns.
local T, F, N = true, false, nil
local function id(...) return ... end
local trace = {}
local function t(v) trace[#trace + 1] = tostring(v) return v end
local function show(...) print(table.concat(trace, " "), ...) trace = {} end

show(t(1) and t(2), t(nil) and t(3), t(false) or t(4), t(5) or t(6))
show(t(1) and t(nil) or t(3)) show(t(nil) and t(2) or t(3)) show(t(1) and t(2) or t(3))
show(t(1) and t(2) and t(3)) show(t(nil) or t(false) or t(3)) show(t(nil) or t(2) and t(nil) or t(4))
show(not (t(1) and t(nil))) show(not t(1) or not t(nil)) show((t(1) or t(2)) and (t(nil) or t(4)))
show(t(1) == t(1) and t(2)) show(t(1) ~= t(1) or t(2)) show(t(1) < t(2) and "lt" or "ge") show(t(3) < t(2) and "lt" or "ge")
show(t(nil) == nil and t("nil") or t("not nil")) show(t(false) ~= nil and t("x"))
if t(1) and not t(nil) then show("then") else show("else") end
if t(nil) or t(false) then show("then") else show("else") end
if not (t(1) or t(2)) then show("then") else show("else") end
if t(1) and (t(nil) or t(3)) and not (t(4) and t(nil)) then show("then") else show("else") end
if t(1) == 1 and t(2) > 1 or t(3) then show("then") end
if not t(nil) then show("not nil") end
if not not t(1) then show("not not") end
while t(1) and t(nil) do end show("while")
repeat local done = t(true) until done and t("until") show()
local a = t(1) and {t(2)} or {} show(a[1])
local b = not t(nil) and function() return "fn" end show(b())
local c = (t(nil) or {x = t(5)}).x show(c)
local d = t(1) and t(2) == t(2) show(d)
local e = t(1) == (t(2) and t(1)) show(e)
local f = (t(1) < t(2)) == (t(4) > t(3)) show(f)
local g = t(nil) and t(1) == 1 show(g)
local h = nil or false show(h) h = false or nil show(h) h = 1 and nil show(h) h = nil and 1 show(h) h = false and nil show(h)
h = (1 and 2) or 3 show(h) h = 1 and (2 or 3) show(h) h = (nil or 1) and (nil or 2) show(h) h = true and true or false show(h)
h = "" and 0 show(h) h = nil == false show(h) h = not nil == not false show(h) h = 1 and 2 and nil or 4 show(h)
print(id(T and F), id(T or F), id(N or F), id(N and F), id(F or N), (T and N))
print(T and 1 or 2, F and 1 or 2, N and 1 or 2, T and F or 2, T and N or nil)

-- classify by elseif
local function class(n)
  if n == nil then return "nil"
  elseif type(n) == "string" then return "string"
  elseif n < 0 then return "negative"
  elseif n == 0 then return "zero"
  elseif n < 10 then if n % 2 == 0 then return "small even" else return "small odd" end
  else return "large" end
end
print(class(), class("x"), class(-1), class(0), class(4), class(5), class(50))

-- breaks
for i = 1, 3 do for j = 1, 3 do if j == 2 then break end print(i, j) end if i == 2 then break end end
local i = 0
while true do i = i + 1 if i > 5 then break end end print(i)
repeat i = i - 1 if i == 2 then break end until i == 0 print(i)
repeat local x = i repeat local y = x + 1 if y then break end until false until x == 2 print("out")
while true do while true do break end break end
for k, v in pairs{1, 2, 3} do if v == 2 then print(k) break end end
local function first(p, list) for i, v in ipairs(list) do if p(v) then return v, i end end return nil, "none" end
print(first(function(v) return v > 2 end, {1, 2, 3, 4})) print(first(function(v) return v > 9 end, {1, 2}))
do local n = 0 while n < 3 do n = n + 1 local m = n while m > 0 do m = m - 1 if m == 1 then break end end end print(n) end

-- returns in the middle, with and without values
local function r(n) if n == 1 then return end if n == 2 then return nil end if n == 3 then return 1, 2 end do return "block" end end
print(r(1)) print(r(2)) print(r(3)) print(r(4)) print(select("#", r(1)), select("#", r(2)))
local function loops(n) while n > 0 do n = n - 1 if n == 5 then return "while" end end for i = 1, 3 do if i == n then return "for" end end repeat do return "repeat" end until true end
print(loops(10), loops(3), loops(0))

-- variables keep their values around blocks
do local x = 1 do local x = 2 end print(x) if true then local x = 3 end print(x) for x = 1, 2 do end print(x) while x < 2 do local y = x x = x + 1 end print(x) end
local x1 = 5 do x1 = x1 + 1 local x1 = x1 * 2 print(x1) end print(x1)
local z = 1 local z = z + 1 local z = z + 1 print(z)

-- comparison chains as values
print((1 < 2) == true, 1 < 2 == true, (1 == 1) == (2 == 2), 1 ~= 2 == true, "a" == "a" == true)
local n = 0
local function inc() n = n + 1 return n end
print(inc() < inc(), inc() > inc(), inc() == inc(), inc() <= inc(), n)
print(2 > 1, 1 > 2, 2 >= 2, 1 >= 2, 1 <= 1, 2 <= 1, 1 < 1)
local k = 5
print(k < 10, 10 < k, k > 10, 10 > k, k <= 5, 5 <= k, k >= 6, 6 >= k, k == 5, 5 == k, k ~= 5, 5 ~= k)
local s = "m"
print(s < "z", "z" < s, s == "m", "m" == s, s ~= "n", "n" ~= s, s <= "m", s >= "n")
-- constants in conditions
if nil then print("no") elseif false then print("no") elseif 0 then print("zero is true") end
while nil do print("no") end
if not nil and not false and "" and 0 then print("all true") end
local q = nil and print("never") or (false and print("never") or "end") print(q)
print(1 and 2, "a" and "b", nil and 2, false or "x", 1 or 2, (nil and 1) == nil, true and nil, not 1, not nil)
