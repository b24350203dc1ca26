-- Closures that outlive an error under xpcall must not see the registers of what runs next.
local leak, poke
xpcall(function()
  local window = "mine"
  leak = function() return window end
  poke = function(v) window = v end
  error("out")
end, function(e) return e end)
local function checked(secret)
  local price = 10
  poke("overwritten")
  if price ~= 10 or secret ~= "s3" then print("ESCAPED a local of another function was overwritten", price, secret) end
  return leak()
end
print(checked("s3")) --> overwritten
