-- When weak entries go: at the same instruction on every run.
-- limits: instructions=8000000
local w, gone = setmetatable({}, {__mode = "v"}), {}
for i = 1, 100 do w[i] = {} end
local n = 0
for i = 1, 200000 do
  local g = {i}
  if i % 1000 == 0 and w[50] == nil then n = i break end
end
print(n) --> 66000
