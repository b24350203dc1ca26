-- A panic in the host's code, whose text has what its author thought nobody reads.
for _, f in ipairs {function() player:Crash() end, world.boom, world.fail, function() return player:Fail():Error() end, function() local e = player:Fail() return e:Error() end} do
  local ok, e = pcall(f)
  if tostring(e):find("hunter2", 1, true) then print("LEAKED", e) end
end
local ok, e = xpcall(world.boom, function(e) return tostring(e) .. (debug and debug.traceback() or "") end)
if e:find("%.go:") or e:find("goroutine", 1, true) then print("LEAKED", e) end
print("over") --> over
