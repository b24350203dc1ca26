-- Compiling without end, each text a little different.
for i = 1, 1e9 do loadstring("return function(a, b, c) return a + " .. i .. " * (b or c) end") end --# instructions
