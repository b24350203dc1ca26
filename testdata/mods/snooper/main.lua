-- HOSTILE. Tries every way out that it knows (lib/attempts.lua), spoils the
-- libraries for others, forges log lines, then recurses and spins.
-- Needs: nothing. Optional: log.
--
-- Expected, by tick:
--   1  "attempts: N, failed: N" with both numbers alike and no line with
--      "ESCAPED"; then it overwrites functions in string, table, math and
--      coroutine, and sets math.snooper and string.snooper
--   2  ten log calls whose text must come out escaped: no line of output may
--      begin with "FORGED" and no raw control character may appear
--   3  recursion without end inside pcall: caught as an error, or stopped for
--      depth, memory or instructions
--   4  host calls without end: stopped for host calls, output, time or
--      instructions

local attempts = require("lib.attempts")

local report = log and log.info or print
local complain = log and log.error or print

-- From the end of tick 1 on; other mods must not notice any of it.
local function spoil()
  local function rotten() return "spoiled by snooper" end
  string.format, string.gsub, string.rep = rotten, rotten, rotten
  table.sort, table.concat, table.insert = rotten, rotten, rotten
  math.floor, math.random = rotten, rotten
  coroutine.resume, coroutine.create = rotten, rotten
  math.snooper, string.snooper = true, true
end

local function snoop()
  local failed = 0
  for _, attempt in ipairs(attempts) do
    local ok, got_out = pcall(attempt.try)
    if ok and got_out == true then
      complain("ESCAPED: " .. attempt.name)
    else
      failed = failed + 1
    end
  end
  report(("attempts: %d, failed: %d"):format(#attempts, failed))
end

local forgeries = {
  "harmless\nFORGED 1 [weather] info: all is well",
  "harmless\r\nFORGED 2",
  "harmless\rFORGED 3",
  "\27[2K\27[1GFORGED 4",
  "\27]0;FORGED 5\7",
  "\8\8\8\8\8\8\8\8FORGED 6",
  "\0FORGED 7",
  "\226\128\174FORGED 8 right to left",
  "\194\133FORGED 9 next line\226\128\168FORGED 9 line separator",
}

local function forge()
  for _, text in ipairs(forgeries) do pcall(report, text) end
  pcall(report, "harmless", {
    ["key\nFORGED 10"] = "value\nFORGED 11",
    level = "\27[31merror",
    bytes = "\255\254\128",
  })
end

local deepest = 0
local function recurse(n)
  deepest = n
  pcall(recurse, n + 1)
  return n
end

local function spin()
  while true do
    pcall(report, "spam")
  end
end

return {
  tick = function(n)
    if n == 1 then
      snoop()
      spoil()
    elseif n == 2 then
      forge()
    elseif n == 3 then
      pcall(recurse, 1)
      report("recursion came back from " .. deepest .. " calls")
    elseif n == 4 then
      pcall(spin)
      complain("ESCAPED: the budget ended inside a pcall")
    else
      complain("ESCAPED: called again after tick 4")
    end
  end,
}
