-- A callback of the script's that does not end, called by Go.
player:Each(10, function() while true do end end) --# instructions
