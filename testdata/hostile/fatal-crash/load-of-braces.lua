-- A text that nests half a million levels, compiled at run time.
-- limits: instructions=200000000 memory=67108864
for _, s in ipairs {"{", "(", "function() return ", "not ", "-", "a[", "f("} do print((loadstring("return " .. s:rep(math.floor(500000 / #s))))) end
--> nil
--> nil
--> nil
--> nil
--> nil
--> nil
--> nil
