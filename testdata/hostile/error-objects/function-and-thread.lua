-- Functions and coroutines as errors, which hold all that they see.
local ok, e = pcall(error, print)
print(ok, e == print) --> false	true
local co
co = coroutine.create(function() error(co) end)
local ok, e = coroutine.resume(co)
print(ok, e == co, coroutine.status(co)) --> false	true	dead
error(co) --!! error object
