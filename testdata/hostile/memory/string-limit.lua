-- A string beyond what one may have is an error that can be caught, and costs nothing.
for i = 1, 1000 do
  local ok = pcall(string.rep, "x", 1e9)
  if ok then print("ESCAPED", i) end
end
local s = ("xy"):rep(2 ^ 30) --!! resulting string too large
