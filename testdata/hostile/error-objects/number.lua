-- Numbers as errors: they get a place as messages do, and a NaN too.
print(pcall(error, 5)) --> false	5
print(pcall(error, 1 / 0)) --> false	inf
error(12345) --!! 12345
