-- A main chunk that yields to the host for ever, as if it had a scheduler.
while true do coroutine.yield() end --!! yield
