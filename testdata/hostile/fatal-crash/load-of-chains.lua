-- Chains at run time, whose syntax tree is as deep as they are long.
-- limits: instructions=20000000 memory=67108864
for _, s in ipairs {" .. x", " + x", ".x", "()", " and x", " ^ x"} do print(type((loadstring("local x return x" .. s:rep(5000))))) end
--> function
--> function
--> function
--> function
--> function
--> nil
