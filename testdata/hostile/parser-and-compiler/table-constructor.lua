-- A constructor of a hundred thousand items, lists and fields mixed, with a call at the end.
-- generate
return "local t = {" .. ("1,a=1,[1]=1,"):rep(20000) .. "unpack{1,2,3}} print(#t)" --> 20003
