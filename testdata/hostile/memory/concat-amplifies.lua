-- Lists that are one string a hundred times, joined, and joined again.
local keep = {}
while true do
  local s = "x" .. #keep
  for round = 1, 2 do local t = {} for i = 1, 100 do t[i] = s end s = table.concat(t, ",") end
  keep[#keep + 1] = s
end --# memory
