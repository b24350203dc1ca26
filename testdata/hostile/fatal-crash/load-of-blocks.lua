-- The same with statements.
-- limits: instructions=30000000 memory=67108864
for _, s in ipairs {"do ", "while x do ", "if x then ", "repeat ", "for i = 1, 2 do ", "local function f() ", "if x then else "} do print((loadstring(s:rep(math.floor(15000 / #s))))) end
--> nil
--> nil
--> nil
--> nil
--> nil
--> nil
--> nil
