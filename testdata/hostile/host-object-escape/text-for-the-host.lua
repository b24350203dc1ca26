-- Texts for the host with terminal controls, zero bytes, bytes that are no UTF-8, and a megabyte of them.
for _, s in ipairs {"\27[2J\27]0;owned\7", "a\0b", "\255\254", "\r[host] granted", ("x"):rep(1e6)} do world.tell(s) end
print("over") --> over
