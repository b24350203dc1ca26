-- Numbers of thousands of digits, with exponents of as many, in every base.
-- limits: instructions=20000000
for _, s in ipairs {("9"):rep(5000), "0x" .. ("f"):rep(5000), "1e" .. ("9"):rep(5000), "1e-" .. ("9"):rep(5000), "." .. ("0"):rep(5000) .. "1", ("0"):rep(5000) .. "1", "1" .. ("0"):rep(400) .. "e-400"} do
  local f = loadstring("return " .. s)
  print(f and f())
end
--> inf
--> inf
--> inf
--> 0
--> 0
--> 1
--> 1
