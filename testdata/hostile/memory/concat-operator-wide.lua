-- A hundred and fifty operands in one concatenation.
local s, keep = ("x"):rep(100), {}
local f = loadstring("local s = ... return " .. ("s .. "):rep(150) .. "s")
while true do keep[#keep + 1] = f(s) end --# memory
