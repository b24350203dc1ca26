-- Lines of nothing, each a write of the host's.
-- limits: output=3
--> 
--> 
--> 
while true do print() end --# output
