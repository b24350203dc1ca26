-- The whole memory in one call.
-- limits: string=1000000000000
return ("x"):rep(1e11) --# memory
