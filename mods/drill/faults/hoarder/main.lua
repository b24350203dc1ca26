-- Stores until there is no room, and forgets all of it when it is told to.
local on, count = false, 0
return {
  begin = function() on = true end,
  calm = function()
    on = false
    for i = 1, count do storage.delete("key" .. i) end
    print("room " .. (storage.usage()))
  end,
  tick = function()
    if not on then return end
    local ok, why = pcall(storage.set, "key" .. count + 1, string.rep("x", 500))
    if ok then count = count + 1 elseif why:find("quota") then print("full " .. (storage.usage())) end
  end,
}
