-- A message of three megabytes that ends the script.
error(("m"):rep(3000000)) --! mmmm
