-- Output that goes past print: io.write, io.stderr, debug.
-- stock: full
if io then io.write("ESCAPED by io.write\n") io.stderr:write("ESCAPED by io.stderr\n") end
print(io, os.execute) --> nil	nil
