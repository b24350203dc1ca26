-- HOSTILE. Fills the memory in tick 2: first with strings that double, then
-- with strings of 64 KiB, then with tables. Whatever is refused is caught and
-- the next way tried, so only a limit that cannot be caught ends it.
-- Expected: "cached 100 things" in the log at tick 1, then stopped for memory
-- in tick 2; a line with "ESCAPED" is a hole.

local cache = {}

local function show(text)
  if log then log.info(text) else print(text) end
end

local function keep(thing)
  cache[#cache + 1] = thing
  return thing
end

local function double()
  local s = "memory hog "
  while true do s = keep(s .. s) end
end

local function repeated()
  for i = 1, math.huge do keep(("%016d"):format(i):rep(4096)) end
end

local function tables()
  local last = {}
  while true do last = keep { last, { {}, {} }, size = #cache } end
end

local ways = { double, repeated, tables }

return {
  tick = function(n)
    if n == 1 then
      for i = 1, 100 do keep("texture " .. i) end
      show(("cached %d things"):format(#cache))
      return
    end
    if n > 2 then show("ESCAPED: called again after tick 2") end
    for _, way in ipairs(ways) do pcall(way) end
    show("ESCAPED: the limit ended inside a pcall")
  end,
}
