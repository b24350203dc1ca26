-- Comments and strings with brackets of level ten thousand, and none that ends.
-- limits: instructions=20000000
local eq = ("="):rep(5000)
print(#loadstring("return [" .. eq .. "[" .. ("]"):rep(1000) .. "]" .. eq .. "]")()) --> 1000
print((loadstring("--[" .. eq .. "[" .. ("x"):rep(5000)))) --> nil
print((loadstring("return [" .. eq .. "[" .. ("]="):rep(5000)))) --> nil
print(loadstring("--" .. ("x"):rep(20000) .. "\nreturn 7")()) --> 7
