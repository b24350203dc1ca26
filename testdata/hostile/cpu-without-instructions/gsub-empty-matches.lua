-- gsub that matches the empty string at every place of a long text, with a long replacement.
-- limits: instructions=8000000
local s, r = ("x"):rep(50000), ("y"):rep(200)
return #s:gsub("", r) --# memory
