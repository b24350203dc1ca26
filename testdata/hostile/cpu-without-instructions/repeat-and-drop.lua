-- Strings of a megabyte made and dropped: the work is the collector's.
for i = 1, 1e9 do local _ = ("x"):rep(1e6) end --# instructions
