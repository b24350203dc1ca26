-- Lines that look like the host's own, in output, errors and names of chunks.
print(("a\r[host] granted"):gsub("[\r]", "?")) --> a?[host] granted	1
local f = loadstring("error('x')", "x\n[host] granted")
local _, e = pcall(f)
print(e:find("\n")) --> nil
