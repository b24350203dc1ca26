-- A text that nests fifteen thousand levels, compiled at run time.
-- limits: instructions=30000000 memory=67108864
for _, s in ipairs {"{", "(", "function() return ", "not ", "- ", "a[", "f("} do print((loadstring("return " .. s:rep(math.floor(15000 / #s))))) end
--> nil
--> nil
--> nil
--> nil
--> nil
--> nil
--> nil
