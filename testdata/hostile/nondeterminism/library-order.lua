-- The order of the library's own tables.
local o = {}
for k in pairs(string) do o[#o + 1] = k end
for k in pairs(math) do o[#o + 1] = k end
print(table.concat(o, " ")) --> byte char find format gfind gmatch gsub len lower match rep reverse sub upper abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp ldexp log log10 max min mod modf pow rad random randomseed sin sinh sqrt tan tanh pi huge
