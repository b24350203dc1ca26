-- A resumer that starts anew whatever ends a coroutine.
local function worker() while true do end end
while true do
  local co = coroutine.create(worker)
  coroutine.resume(co)
end --# instructions
