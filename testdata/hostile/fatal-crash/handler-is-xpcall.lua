-- Error handlers that are library functions, that fail, that overflow, that handle themselves.
print(xpcall(error, error)) --> false	error in error handling
print(xpcall(error, xpcall)) --> false	error in error handling
print(xpcall(error, pcall)) --> false	false
print(xpcall(error, coroutine.yield)) --> false	error in error handling
print((xpcall(error, coroutine.wrap(function(e) error(e) end)))) --> false
local function h(e) return xpcall(error, h) end
print((xpcall(error, h))) --> false
local function deep() return 1 + deep() end
print((xpcall(deep, deep))) --> false
print((xpcall(error, nil))) --> false
print((xpcall(error, {}))) --> false
