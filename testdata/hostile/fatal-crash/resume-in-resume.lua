-- The same with resume, which swallows the error of each level, in as many coroutines as there may be.
-- limits: memory=67108864 instructions=20000000
local function down() return coroutine.resume(coroutine.create(down)) end
for i = 1, 3 do down() end --# coroutines
