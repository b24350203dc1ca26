-- Writes one number in twenty places in every tick. All of them are kept, or none.
local number = storage.get("place1") and storage.get("place1").number or 0
return {
  tick = function()
    number = number + 1
    print("number " .. number)
    for i = 1, 20 do storage.set("place" .. i, {number = number, rest = string.rep("x", 1500)}) end
  end,
}
