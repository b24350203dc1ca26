-- A comparator that sorts with itself.
local function less(a, b)
  table.sort({3, 2, 1}, less)
  return a < b
end
print(pcall(table.sort, {3, 2, 1}, less)) --> false	C stack overflow
