-- goto, as Lua 5.2 and gopher-lua have it.
for i = 1, 3 do
  for j = 1, 3 do
    if j == 2 then goto continue end
    if i == 3 then goto done end
    print(i, j)
    ::continue::
  end
end
::done::
--> 1	1
--> 1	3
--> 2	1
--> 2	3
---
-- backwards, with a fresh variable each time
local fs, i = {}, 1
::top::
local x = i * 10
fs[i] = function() x = x + 1 return x end
i = i + 1
if i <= 3 then goto top end
print(fs[1](), fs[1](), fs[2](), fs[3]()) --> 11	12	21	31
---
-- out of nested blocks, closing what was captured
local f
do
  local a = "a"
  do
    local b = "b"
    f = function() b = b .. "+" return a .. b end
    goto out
  end
end
::out::
print(f(), f()) --> ab+	ab++
---
-- continue in every kind of loop
local i, out = 0, {}
while i < 5 do i = i + 1 if i % 2 == 0 then goto next end out[#out + 1] = i ::next:: end
i = 0
repeat i = i + 1 if i == 2 then goto cont end out[#out + 1] = i ::cont:: until i >= 4
for k, v in ipairs{7, 8, 9} do if v == 8 then goto go end out[#out + 1] = v ::go:: end
print(table.concat(out, " ")) --> 1 3 5 1 3 4 7 9
---
-- continue past a captured variable
local fs = {}
for i = 1, 4 do
  local v = i
  if i % 2 == 0 then goto cont end
  fs[#fs + 1] = function() v = v + 10 return v end
  ::cont::
end
print(#fs, fs[1](), fs[2](), fs[1]()) --> 2	11	13	21
---
-- a state machine
local s, n, log = "a", 0, {}
::a:: log[#log + 1] = "a" n = n + 1 if n > 3 then goto stop end goto b
::b:: log[#log + 1] = "b" if n % 2 == 0 then goto a else goto c end
::c:: log[#log + 1] = "c" goto a
::stop::
print(table.concat(log)) --> abcababca
---
-- the same label in different blocks
do goto l ::l:: end do goto l ::l:: print("second") end --> second
local function f() goto l ::l:: return "in a function" end
print(f()) --> in a function
---
goto nowhere --! no visible label 'nowhere' for goto
---
do ::inside:: end
goto inside --! no visible label 'inside' for goto
---
goto skip --! jumps into the scope of local 'x'
local x
::skip::
print(x)
---
::l:: 
::l:: --! label 'l' already defined
---
local function f() goto out end --! no visible label 'out' for goto
::out::
---
break --! no loop to break
---
-- at the end of a block a label is past its variables
do
  goto e
  local x
  ::e::
end
print("ok") --> ok
---
repeat
  if true then goto cont end --! jumps into the scope of local 'x'
  local x
  ::cont::
until x
---
-- out of a loop in a coroutine, between yields
local co = coroutine.wrap(function()
  ::again::
  for i = 1, 2 do local r = coroutine.yield(i) if r == "again" then goto again elseif r == "stop" then goto stop end end
  ::stop::
  return "stopped"
end)
print(co(), co(), co("again"), co("stop")) --> 1	2	1	stopped
