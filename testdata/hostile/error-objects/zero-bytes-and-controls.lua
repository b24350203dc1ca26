-- Messages with zero bytes, terminal controls, and lines that look like a traceback.
local s = "a\0b\27[31m\r\nstack traceback:\n\t[C]: in function 'trusted'"
local _, e = pcall(error, s, 0)
print(e == s, #e == #s) --> true	true
error("\27[2J\0 gone", 0) --!! gone
