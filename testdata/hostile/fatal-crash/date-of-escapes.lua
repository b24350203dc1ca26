-- A date format of eight million bytes.
print((pcall(os.date, ("%%"):rep(2000000)))) --> false
print((pcall(os.date, ("%Y%%"):rep(1000000)))) --> false
