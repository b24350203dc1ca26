-- Sizes and positions at the ends of every integer type, where a conversion wraps.

local wild = {0 / 0, -0 / 0, 1 / 0, -1 / 0, 2 ^ 31, -2 ^ 31, 2 ^ 32, 2 ^ 53, -2 ^ 53, 2 ^ 62, 2 ^ 63, -2 ^ 63, 2 ^ 64, 1e308, -1e308, 5e-324, -0.0, 0.5}
local calls, bad = 0, 0
local function try(f, ...)
  calls = calls + 1
  local ok, e = pcall(f, ...)
  if not ok and (type(e) ~= "string" or e:find("runtime", 1, true) or e:find("panic", 1, true) or e:find("goroutine", 1, true)) then bad = bad + 1 end
end
for _, x in ipairs(wild) do
  try(string.sub, "abc", x) try(string.sub, "abc", 1, x) try(string.byte, "abc", x) try(string.byte, "abc", x, x)
  try(string.rep, "", x) try(string.char, x) try(string.find, "abc", "b", x) try(string.find, "abc", "b", x, true)
  try(string.format, "%d", x) try(string.format, "%x", x) try(string.format, "%c", x) try(string.format, "%5.2f", x)
  try(string.format, "%e %g %a", x, x, x) try(string.gsub, "abc", ".", "x", x) try(tostring, x) try(tonumber, "10", x)
  try(table.remove, {1, 2}, x) try(table.concat, {1, 2}, ",", x, x) try(table.concat, {}, "", x, x - 1)
  try(math.random, x) try(math.random, 1, x) try(math.random, x, x) try(math.randomseed, x) try(math.ldexp, 1, x)
  try(math.frexp, x) try(math.modf, x) try(math.fmod, x, 3) try(math.fmod, 3, x) try(math.floor, x) try(math.ceil, x)
  try(os.date, "%c", x) try(os.date, "*t", x) try(os.time, {year = x, month = 1, day = 1}) try(os.time, {year = 2000, month = x, day = x, hour = x, min = x, sec = x})
  try(os.difftime, x, x) try(select, x, 1, 2) try(unpack, {}, x, x) try(collectgarbage, "step", x) try(collectgarbage, "setpause", x)
  try(error, "x", x) try(setfenv, x, {}) try(getfenv, x) try(bit32.band, x, x) try(bit32.lshift, x, x) try(bit32.extract, 1, x, x)
  try(bit32.replace, 1, 1, x, x) try(bit32.arshift, x, x) try(debug.traceback, "x", x) try(rawset, {}, x, 1) try(next, {}, x)
end
print(calls, bad) --> 900	0
