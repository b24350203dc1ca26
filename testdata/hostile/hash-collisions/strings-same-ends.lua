-- Strings that differ only where a hash that skips bytes does not look.
-- limits: memory=67108864
local t, long = {}, ("x"):rep(500)
for i = 1, 3000 do t[long .. string.char(i % 90 + 33, math.floor(i / 90) + 33) .. long] = i end
while true do for k in pairs(t) do local _ = t[k] end end --# instructions
