-- Lines without end.
-- limits: output=35
while true do print(("x"):rep(10)) end --# output
--> xxxxxxxxxx
--> xxxxxxxxxx
--> xxxxxxxxxx
