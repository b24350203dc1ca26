-- Removing all there is, with next, so that nothing but the machine is left.
for k in pairs(string) do string[k] = nil end
for k in pairs(table) do table[k] = nil end
print(next(string), next(table), ("x"):upper()) --> nil	nil	X
local keep, show, text, each, globals = {}, print, tostring, pairs, _G
for k in each(globals) do keep[k] = true end
for k in each(keep) do globals[k] = nil end
tostring = text
show(globals.next, globals.string, ("x"):upper()) --> nil	nil	X
