-- Patterns of lazy items that try every way to cut a text before they fail.
local s = ("a"):rep(200)
print(s:find(".-.-.-.-.-.-.-.-b")) --# instructions
