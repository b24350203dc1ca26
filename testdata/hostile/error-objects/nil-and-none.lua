-- error without an object, with nil, with false.
print(pcall(error)) --> false	nil
print(pcall(error, nil)) --> false	nil
print(pcall(error, false)) --> false	false
print(select("#", pcall(error))) --> 2
error() --!! nil
