-- One error raised again a thousand times, with a place in front of it each time.
local e = "x"
for i = 1, 1000 do local _, m = pcall(error, e, 1) e = m end
print(e) --> x
for i = 1, 200 do local _, m = pcall(function() error(e) end) e = m end
print(#e < 10000) --> true
