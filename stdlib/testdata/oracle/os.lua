-- In UTC; the clock is not asked.
local times = { "0", "-1", "1", "86399", "86400", "951782400", "951826154", "1000000000", "1234567890", "1078012800", "1104537599", "1104537600", "1230768000", "1293839999", "1325376000", "1356998400", "2147483647", "2147483648", "4107542400", "-86400", "-2208988800", "-62135596800", "-62170156800", "-65591596800", "253402300799", "253402300800", "1e12", "1e14", "-1e13" }
local formats = { "%a %A", "%b %B %h", "%c", "%C", "%d %e", "%D", "%F", "%g %G %V", "%H %I %k %l", "%j", "%m %M", "%p %P", "%r", "%R", "%s", "%S", "%T", "%u %w", "%U %W", "%x", "%X", "%y %Y", "%z %Z" }
for _, t in ipairs(times) do
  for _, f in ipairs(formats) do try("os.date('" .. f .. "', " .. t .. ")") end
  try("os.date('!*t', " .. t .. ")")
  try("os.date('*t', " .. t .. ")")
  try("os.date(nil, " .. t .. ")")
  try("os.time(os.date('*t', " .. t .. "))")
end
for i = 1, 255 do
  local c = string.char(i)
  if c == "'" or c == "\\" or c == "\n" or c == "\r" then c = "\\" .. c end
  if i < 127 and i ~= 10 and i ~= 13 then try("os.date('%" .. c .. "', 951826154)") end
end
each("os.date('$', 951826154)", { "", "x", "%", "%%", "%%%", "100%", "!%H", "!%Z %z", "%Z", "!", "!!", "*t ", " *t", "!%c", "%Ey", "%Od", "%-d", "%_d", "%5d", "%05d", "%^a", "%#Z", "%n|%t", "%Q", "%H:%M", "a\\0b", "%\\0", "*T" })
each("os.date($)", { "{}", "true", "'%c', {}", "'%c', 'x'", "'%Y', '0'", "'%Y', 1.9", "'%H:%M:%S', -1.9", "'%c', 1e300", "'%c', -1e300", "'%c', 0/0", "'%c', math.huge", "'*t', 1e17", "'!*t', -1e17", "12, 0", "'%Y', nil and 1 or 0", "'%Y', 6e16", "'%Y', -6e16" })
each("os.time{$}", { "", "year=2000", "year=2000, month=1", "day=1", "year=2000, day=1", "month=1, day=1", "year=2000, month=1, day=1", "year=2000, month=1, day=1, hour=0", "year=2000, month=1, day=1, hour=0, min=0, sec=0", "year=1970, month=1, day=1, hour=0", "year=1969, month=12, day=31, hour=23, min=59, sec=59", "year=1969, month=12, day=31, hour=23, min=59, sec=58",
  "year=2000, month=13, day=1", "year=2000, month=0, day=1", "year=2000, month=-11, day=1", "year=2000, month=2, day=30", "year=1999, month=2, day=29", "year=2000, month=1, day=0", "year=2000, month=1, day=-1", "year=2000, month=1, day=366", "year=2000, month=1, day=1, hour=24", "year=2000, month=1, day=1, hour=-1", "year=2000, month=1, day=1, min=60", "year=2000, month=1, day=1, sec=60", "year=2000, month=1, day=1, sec=-1", "year=2000, month=1, day=1, sec=86400",
  "year=2000, month=1, day=1, isdst=false", "year=2000, month=1, day=1, isdst=true", "year=2000, month=7, day=1, isdst=true", "year=2000, month=1, day=1, isdst=1", "year='2000', month='1', day='1'", "year='x', month=1, day=1", "year=2000.9, month=1.9, day=1.9", "year=2000, month=1, day=1, hour='x'", "year=2000, month=1, day=1, sec={}", "year={}, month=1, day=1", "year=1900, month=1, day=1", "year=1, month=1, day=1", "year=0, month=1, day=1", "year=-1, month=1, day=1",
  "year=9999, month=12, day=31", "year=100000, month=1, day=1", "year=2000, month=1, day=1e6", "year=2000, month=1000, day=1000, hour=1000, min=1000, sec=1000", "year=2000, month=-1000, day=-1000, hour=-1000, min=-1000, sec=-1000", "year=2147483647, month=1, day=1", "year=2147483647, month=22801, day=1", "year=2147483647, month=22800, day=31", "year=2^31, month=1, day=1", "year=2^32 + 2000, month=1, day=1", "year=2000, month=2^32 + 1, day=1", "year=2000, month=1, day=2^31-1", "year=2000, month=1, day=1, sec=2^31-1", "year=2000, month=1, day=1, sec=-2^31" })
each("os.time($)", { "1", "'x'", "true", "print", "setmetatable({}, {__index = {year=2000, month=1, day=1}})", "setmetatable({}, {__index = function(_, k) return ({year=2000, month=1, day=2})[k] end})", "setmetatable({}, {__index = function(_, k) error('no ' .. k) end})", "setmetatable({year=2000,month=1,day=1}, {__index = function(_, k) return nil end})" })
each("os.difftime($)", { "", "1", "5, 3", "3, 5", "'5', '3'", "1.9, 0.2", "nil", "{}", "1, {}", "1, nil", "1e300", "2^53, 1" })
each("type(os.$)", { "time()", "clock()", "date()", "date('*t')", "time(nil)", "date('%c', nil)", "date(nil, nil)" })
try("math.floor(os.time()) == os.time()")
