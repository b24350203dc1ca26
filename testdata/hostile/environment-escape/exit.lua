-- The host's process, ended from within.
-- stock: full
local exit = os.exit or function() print("no exit") end --> no exit
exit(0)
