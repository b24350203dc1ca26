-- Library functions as readers, which no hook on Lua instructions sees.
-- limits: source=2000
for _, f in ipairs {math.random, tostring, type} do print((load(f))) end
--> nil
--> nil
--> nil
while true do load(string.gmatch((" "):rep(20000), ".")) end --# instructions
