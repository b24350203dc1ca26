-- Lines that end in every way there is, and a mark of the byte order.
local f = loadstring("\r\n\n\r\r\n\n return debug and 1")
print(f and f()) --> 1
print((loadstring("\239\187\191return 1"))) --> nil
print(select(2, loadstring("\n\r\n\r x x"))) --> [string "..."]:3: unexpected symbol near 'x'
