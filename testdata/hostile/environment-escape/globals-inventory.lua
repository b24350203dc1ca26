-- Everything that a stranger finds in the globals; what is not on the list does not exist.
local names = {}
for k in pairs(_G) do if k ~= "arg" then names[#names + 1] = k end end
table.sort(names)
print(table.concat(names, " ")) --> _G _VERSION assert bit32 collectgarbage coroutine debug error getfenv getmetatable ipairs load loadstring math next os pairs pcall print rawequal rawget rawset select setfenv setmetatable string table tonumber tostring type unpack xpcall
