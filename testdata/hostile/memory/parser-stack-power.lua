-- Half a million powers, each of which the parser keeps until it has seen the last; then as many unfinished.
-- limits: instructions=100000000
local f, why = loadstring("local x return x" .. ("^x"):rep(5e5))
print(f, why:match("too many syntax levels")) --> nil	too many syntax levels
f, why = loadstring("local x return x" .. ("^-"):rep(5e5))
print(f, why:match("too many syntax levels")) --> nil	too many syntax levels
