-- Heapsort of n numbers written in Lua: a list of floats, compared and moved.
local n = ... or 150000

local seed = 42
local function random()
  seed = (seed * 3877 + 29573) % 139968
  return seed / 139968
end

local function heapsort(list, count)
  local parent, last = math.floor(count / 2) + 1, count
  while true do
    local moving
    if parent > 1 then
      parent = parent - 1
      moving = list[parent]
    else
      moving = list[last]
      list[last] = list[1]
      last = last - 1
      if last == 1 then
        list[1] = moving
        return
      end
    end
    local hole, child = parent, parent * 2
    while child <= last do
      if child < last and list[child] < list[child + 1] then child = child + 1 end
      if moving >= list[child] then break end
      list[hole] = list[child]
      hole, child = child, child * 2
    end
    list[hole] = moving
  end
end

local list = {}
for i = 1, n do list[i] = random() end
heapsort(list, n)
for i = 2, n do assert(list[i - 1] <= list[i], "not sorted") end

return string.format("%.9f %.9f %.9f", list[1], list[math.floor(n / 2)], list[n])
