-- Lines from coroutines, handlers, comparators, metamethods and callbacks: one account for all.
-- limits: output=100 instructions=4000000
local function shout() print("aaaaaaaaa") end
for i = 1, 1e9 do
  coroutine.wrap(shout)()
  xpcall(error, shout)
  pcall(table.sort, {1, 2}, shout)
  ;("x"):gsub("x", shout)
end --# output
--> aaaaaaaaa
--> aaaaaaaaa
--> aaaaaaaaa
--> aaaaaaaaa
--> aaaaaaaaa
--> aaaaaaaaa
--> aaaaaaaaa
--> aaaaaaaaa
--> aaaaaaaaa
--> aaaaaaaaa
