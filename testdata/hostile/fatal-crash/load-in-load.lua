-- A chunk that compiles and calls itself, and readers that load with themselves.
-- limits: depth=150
source = "local a = loadstring(source)() return a"
print((pcall(loadstring(source)))) --> false
local function reader() return load(reader) end
print((pcall(load, reader))) --> true
print((pcall(load, load))) --> true
source = "return loadstring(source)()"
return loadstring(source)() --# instructions
