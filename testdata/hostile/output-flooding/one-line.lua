-- One line that is longer than all that may be written.
print(("x"):rep(1100000)) --# output
