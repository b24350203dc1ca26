-- Ways out of the jail. Each is a name and a function that returns true only
-- when it got hold of something it should not have; an error or any other
-- result is a failure. None of them destroys anything where it succeeds.

local list = {}

local function attempt(name, try) list[#list + 1] = { name = name, try = try } end

local me = getfenv and getfenv(1) or _G

-- A function environment or metatable that is not the mod's own is a leak.
local function foreign(t)
  return type(t) == "table" and t ~= me and t ~= _G
end

-- files, processes, environment
attempt("io.open", function() return io.open("/etc/passwd") ~= nil end)
attempt("io.popen", function() return io.popen("true") ~= nil end)
attempt("io.lines", function() return io.lines("/etc/passwd")() ~= nil end)
attempt("io.stdout", function() return io.stdout:write("") and true end)
attempt("os.execute", function() return os.execute("true") ~= nil end)
attempt("os.exit", function() return os.exit ~= nil end)
attempt("os.getenv", function() return os.getenv("PATH") ~= nil end)
attempt("os.remove", function() return os.remove ~= nil end)
attempt("os.rename", function() return os.rename ~= nil end)
attempt("os.tmpname", function() return os.tmpname ~= nil end)
attempt("os.setlocale", function() return os.setlocale ~= nil end)
attempt("dofile", function() return dofile ~= nil end)
attempt("loadfile", function() return loadfile("/etc/hostname") ~= nil or loadfile ~= nil end)

-- the debug and package libraries
for _, name in ipairs {
  "getregistry", "getinfo", "sethook", "gethook", "getlocal", "setlocal",
  "getupvalue", "setupvalue", "getmetatable", "setmetatable", "getfenv", "setfenv", "debug",
} do
  attempt("debug." .. name, function() return debug[name] ~= nil end)
end
for _, name in ipairs { "loaded", "preload", "loadlib", "loaders", "path", "cpath", "seeall" } do
  attempt("package." .. name, function() return package[name] ~= nil end)
end
attempt("module", function() return module ~= nil end)
attempt("newproxy", function() return newproxy(true) ~= nil end)

-- require: only the mod's own files, and the libraries that it has anyway
for _, name in ipairs {
  "io", "os", "debug", "package", "_G", "string", "ffi", "jit", "channel",
  "weather", "weather.main", "weather.lib.markov", "lib.markov", "storage", "events",
  "..weather.main", "../weather/main", "../weather/main.lua", "lib/../../weather/main",
  "lib...weather.lib.markov", "/etc/passwd", "//etc/passwd", "lib\\..\\..\\weather\\main",
  "lib.attempts\0.lua", "mod.toml", ".", "..", "", ("lib."):rep(500) .. "x",
} do
  attempt(("require %q"):format(name:sub(1, 40)), function() return require(name) ~= rawget(_G, name) end)
end

-- environments and metatables
attempt("getfenv(0)", function() return foreign(getfenv(0)) end)
for _, f in ipairs { "print", "pcall", "getfenv", "require", "loadstring", "tostring" } do
  attempt("getfenv(" .. f .. ")", function() return foreign(getfenv(_G[f])) end)
  attempt("setfenv(" .. f .. ")", function() return setfenv(_G[f], me) and true end)
end
attempt("getfenv(log.info)", function() return foreign(getfenv(log.info)) end)
attempt("setfenv(log.info)", function() return setfenv(log.info, me) and true end)
attempt("getfenv up the stack", function()
  for level = 1, 50 do
    local ok, env = pcall(getfenv, level)
    if ok and foreign(env) then return true end
  end
end)
attempt("getfenv through an iterator", function()
  local found
  table.sort({ 3, 1, 2 }, function(a, b)
    found = found or foreign(getfenv(2))
    return a < b
  end)
  return found
end)
attempt("metatable of _G", function() return foreign(getmetatable(_G)) end)
attempt("metatable of log", function() return foreign(getmetatable(log)) end)
attempt("write the string metatable", function()
  getmetatable("").snooper = true
  return getmetatable("").snooper == true
end)
attempt("rawset the string metatable", function()
  rawset(getmetatable(""), "__add", function() return 42 end)
  return "a" + "b" == 42
end)
attempt("replace the index of strings", function()
  local strings = getmetatable("")
  local before = strings.__index
  strings.__index = function() return function() return "mine" end end
  local mine = ("x"):nothing() == "mine"
  strings.__index = before
  return mine
end)
attempt("setmetatable on a string", function() return setmetatable("", {}) and true end)
attempt("setmetatable on a function", function() return setmetatable(print, {}) and true end)
attempt("unlock a locked metatable", function()
  local locked = setmetatable({}, { __metatable = "locked" })
  return type(getmetatable(locked)) == "table" or setmetatable(locked, {}) ~= nil
end)

-- code
attempt("string.dump", function() return #string.dump(function() end) > 0 end)
attempt("bytecode in loadstring", function()
  return loadstring("\27Lua\81\0\1\4\8\4\8\0") ~= nil
end)
attempt("bytecode made here", function() return loadstring(string.dump(function() end)) ~= nil end)
attempt("bytecode in load", function()
  local pieces = { "\27L", "ua\81", "\0\1\4\8\4\8\0" }
  return load(function() return table.remove(pieces, 1) end) ~= nil
end)
attempt("gopher bytecode by format", function() return loadstring("\27LJ\2") ~= nil end)
for _, name in ipairs { "io", "package", "storage", "events" } do
  attempt("loadstring sees " .. name, function() return loadstring("return " .. name)() ~= nil end)
end
attempt("loadstring's environment", function() return foreign(getfenv(loadstring("return 1"))) end)
attempt("load outside the jail", function()
  return foreign(loadstring("return getfenv(0)")()) or foreign(loadstring("return _G")())
end)
attempt("a coroutine's environment", function()
  return foreign(coroutine.wrap(function() return getfenv(0) end)())
end)

-- capabilities that the manifest did not ask for
for _, name in ipairs { "events", "timer", "storage", "random", "clock", "json" } do
  attempt(name .. " without a grant", function() return _G[name] ~= nil end)
  attempt("rawget " .. name, function() return rawget(_G, name) ~= nil end)
end

-- the host's memory
local function big_address(text)
  local digits = text:match("0x(%x+)") or text:match(": (%x+)$")
  return digits ~= nil and (tonumber(digits, 16) or 0) > 2 ^ 32
end
attempt("address of a table", function() return big_address(tostring({})) end)
attempt("address of a builtin", function() return big_address(tostring(print)) end)
attempt("address of a host function", function() return big_address(tostring(log.info)) end)
for _, verb in ipairs { "%p", "%v", "%#v", "%+v", "%T" } do
  attempt("format " .. verb, function() return string.format(verb, print) ~= nil end)
end

return list
