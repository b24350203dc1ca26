-- HOSTILE. Calls itself a clock, and is one for two ticks. From tick 3 on it
-- burns the processor, in a loop that starts again whenever something is
-- raised in it: no pcall and no coroutine may shield it from its budget.
-- Expected: "tick-tock 1" and "tick-tock 2" in the log, then stopped for
-- instructions (or time) in tick 3; a line with "ESCAPED" is a hole.

local function show(text, fields)
  if log then log.info(text, fields) else print(text) end
end

local mining = false

local function hash(nonce)
  local h = 5381
  for i = 1, 64 do h = (h * 33 + nonce * i) % 4294967296 end
  return h
end

local function mine()
  local nonce, best = 0, 2 ^ 32
  while true do
    nonce = nonce + 1
    local h = hash(nonce)
    if h < best then best = h end
  end
end

local function for_ever()
  while true do
    local shift = coroutine.create(function()
      while true do
        pcall(mine)
        xpcall(mine, function() return mine() end)
      end
    end)
    coroutine.resume(shift)
  end
end

return {
  tick = function(n)
    if n > 3 then show("ESCAPED: called again after tick 3") end
    if n >= 3 then
      mining = true
      pcall(for_ever)
      show("ESCAPED: the budget ended inside a pcall")
      return
    end
    show(("tick-tock %d"):format(n), clock and { now = clock.now() })
  end,

  stop = function()
    if mining then show("ESCAPED: asked to stop politely after mining") end
  end,
}
