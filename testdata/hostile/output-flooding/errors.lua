-- Error messages of a megabyte, one for each call: what the host logs.
error(("e"):rep(1000000)) --! eeeeeeee
