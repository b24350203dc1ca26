-- More lines than a number of sixteen bits counts.
-- generate
return ("\n"):rep(100000) .. "error('here')" --!! 100001: here
