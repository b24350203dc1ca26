-- The same, reading: what the next function was told in confidence.
local leaks = {}
for i = 1, 8 do
  xpcall(function()
    local a, b, c, d, e, f = i, i, i, i, i, i
    leaks[i] = function() return a, b, c, d, e, f end
    error("out")
  end, function(e) return e end)
end
local function trusted(password)
  local copy = password
  for i = 1, 8 do for _, v in pairs {leaks[i]()} do if v == "open sesame" then print("ESCAPED read", v) end end end
  return copy
end
print(trusted("open sesame")) --> open sesame
