-- A loop in a coroutine, where a hook on the main thread does not look.
local co = coroutine.wrap(function() while true do end end)
co() --# instructions
