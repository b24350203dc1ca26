-- A name of half a megabyte, ten thousand times a name, names that are nearly words of the language.
-- limits: instructions=10000000
local long = ("n"):rep(10000)
print(loadstring("local " .. long .. " = 5 return " .. long)()) --> 5
print((loadstring("local end_, End, _end, e_nd = 1, 2, 3, 4 return end_ + End + _end + e_nd")())) --> 10
print((loadstring("local \195\164 = 1 return \195\164"))) --> nil
