-- A reader that hands out pieces of a text for ever.
-- limits: instructions=100000000 memory=8388608
local f, e = load(function() return (" "):rep(10000) end)
print(f) --> nil
