-- tonumber
local numerals = { "'10'", "'0'", "'-0'", "'  7  '", "'\\t8\\n'", "''", "' '", "'abc'", "'1e2'", "'1e'", "'1e+'", "'.5'", "'5.'", "'.'", "'0x10'", "'0X1f'", "'0x'", "'-0x10'", "'+5'", "'--5'", "'1 2'",
  "'1_0'", "'1e400'", "'-1e400'", "'1e-400'", "'123456789012345678901234567890'", "'0b1'", "'0o7'", "'inf'", "'nan'", "'1f'", "'1d'", "'1L'", "'0.1'", "'3.14159265358979'", "'1,5'", "'zz'", "'Z'", "'7fffffff'", "'ffffffff'",
  "'-1'", "'-ff'", "'ffffffffffffffff'", "'10000000000000000'", "'-10000000000000000'", "'1.5'", "'+ 5'", "'+'", "'08'", "'1e5'", "12", "1.5", "-3", "nil", "true", "{}", "print" }
each("tonumber($)", numerals)
for _, base in ipairs { "2", "3", "8", "10", "16", "36" } do
  for _, n in ipairs(numerals) do try("tonumber(" .. n .. ", " .. base .. ")") end
end
each("tonumber($)", { "", "'10', 1", "'10', 37", "'10', 0", "'10', -2", "'10', '16'", "'10', 16.9", "'10', nil", "'10', 'x'", "'10', {}", "{}, 16", "nil, 16", "10, 2", "1.5, 16", "12, 10, 3", "'1' .. ('0'):rep(400)", "('1'):rep(400), 2" })

-- tostring, type
each("tostring($)", { "", "nil", "true", "false", "0", "-0", "1", "-1", "1.5", "0.1", "1/3", "1e15", "1e14", "123456789012345", "1e100", "-1e-100", "2^53", "2^63", "math.huge", "-math.huge", "100000000000000", "99999999999999", "1e-5", "0.0001", "123.456e10", "'x'", "''",
  "setmetatable({}, {__tostring = function() return 'meta' end})", "setmetatable({}, {__tostring = function() return 12 end})", "setmetatable({}, {__tostring = function() return nil end})", "setmetatable({}, {__tostring = function() return {1} end})",
  "setmetatable({}, {__tostring = function() error('x') end})", "setmetatable({}, {__tostring = 'x'})", "setmetatable({}, {__tostring = setmetatable({}, {__call = function(_, v) return type(v) end})})", "1, 2", "setmetatable({}, {__tostring = function() return 'a', 'b' end})" })
each("#tostring($) > 0", { "{}", "print", "function() end", "coroutine.create(print)" })
try("local t = {} return tostring(t) == tostring(t), tostring(t) == tostring({})")
each("type($)", { "", "nil", "true", "1", "'x'", "{}", "print", "function() end", "coroutine.create(print)", "nil, 1" })
each("type(type)", { "" })

-- select
each("select($)", { "", "1", "'#'", "'#', nil", "'#', 1, 2, 3", "'#x', 1", "1, 'a', 'b', 'c'", "2, 'a', 'b', 'c'", "3, 'a', 'b', 'c'", "4, 'a', 'b', 'c'", "100, 'a'", "-1, 'a', 'b', 'c'", "-2, 'a', 'b', 'c'", "-3, 'a', 'b', 'c'", "-4, 'a', 'b', 'c'", "0, 'a'", "'2', 'a', 'b'",
  "1.9, 'a', 'b'", "-1.9, 'a', 'b'", "'x'", "nil", "{}", "2^32 + 1, 'a', 'b'", "-2^31, 'a'", "2^31 - 1, 'a'", "1e300, 'a'", "true", "-1" })

-- unpack
each("unpack($)", { "", "nil", "{}", "{1}", "{1,2,3}", "{1,nil,3}", "{1,2,3}, 2", "{1,2,3}, 2, 3", "{1,2,3}, 0", "{1,2,3}, -1, 1", "{1,2,3}, 3, 2", "{1,2,3}, 1, 5", "{1,2,3}, '2'", "{1,2,3}, 1.9", "{1,2,3}, nil, 2", "{1,2,3}, nil, nil", "'x'", "{}, 'x'", "{}, 1, {}", "{}, 1, 1e7", "{}, 1, 1e10", "{}, 1, 2^31 - 1",
  "{}, 2^31 - 1, 2^31 - 1", "{}, -2^31, -2^31", "{}, math.huge, math.huge", "{}, -math.huge, math.huge", "{}, 1, math.huge", "{5}, 2^32 + 1, 2^32 + 1", "setmetatable({}, {__index = function() return 1 end}), 1, 1", "{1,2,3}, 1, 2, 3, 4" })
each("select('#', unpack($))", { "{}, 1, 200", "list(100)", "list(7000)", "list(7999)", "list(8000)", "{}, 1, 7997", "{}, 1, 7998", "{}, 1, 7996, 0, 0", "{}, 1, 7995, 0, 0", "{}, 1, 7996, 0", "{}, 1, 8000", "{}, -7000, 1" })

-- assert
each("assert($)", { "", "true", "1, 2, 3", "nil", "false", "false, 'msg'", "nil, 'msg'", "nil, 12", "false, nil", "false, {}", "false, true", "'x', nil", "false, 'a\\0b'" })

-- error, pcall, xpcall
each("error($)", { "", "nil", "'x'", "'x', 0", "'x', 1", "'x', 2", "'x', 3", "{1}", "{1}, 2", "true", "12", "12, 2", "print", "'x', 'y'", "'x', 100" })
each("pcall($)", { "", "nil", "1", "{}", "print, nil and 1", "error", "error, 'x'", "error, 'x', 0", "error, {1}", "error, nil", "select, '#', 1, 2", "pcall", "pcall, error, 'x'", "function(...) return ... end, 1, nil, 3", "function() error('x') end", "function() error('x', 0) end", "function() error('x', 2) end", "function() error() end",
  "function() local x = nil; x() end", "function() local x = nil; x.y = 1 end", "function() return 1 + {} end", "function() return {} .. 'x' end", "function() return {} < {} end", "function() return 1 < 'x' end", "function() return #nil end", "function() return -{} end", "function() undefinedglobal() end", "function() undefinedglobal.x() end",
  "function() local t = {} t.x.y = 1 end", "function() local t = {} t.x() end", "function() local t = {} t:x() end", "function() ('x'):nomethod() end", "function() return ('x') + 1 end", "function() return ('10') + 1 end", "function() for i = 1, 'x' do end end", "function() for i = 'a', 2 do end end", "function() for i = 1, 2, {} do end end",
  "function() local t = {} t[nil] = 1 end", "function() local t = {} t[0/0] = 1 end", "setmetatable({}, {__call = function(_, a) return a end}), 5", "string.rep", "string.rep, 'x'", "setmetatable, 1" })
each("xpcall($)", { "", "print", "nil, print", "function() return 1, 2 end, print", "function() error('x') end, function(e) return 'handled ' .. e end", "function() error({}) end, function(e) return type(e), 2 end", "function() error() end, function(e) return type(e) end", "error, function(e) return type(e) end",
  "function() local x = nil; x() end, function(e) return e end", "function() error('x') end, function(e) return end", "nil, function(e) return e end", "1, function(e) return e end", "function() error('x', 0) end, tostring", "function() return error('x', 0) end, error", "function() error('x', 0) end, function(e) error('again', 0) end" })

-- getmetatable, setmetatable
each("getmetatable($)", { "", "nil", "1", "{}", "print", "setmetatable({}, {__metatable = 'locked'})", "setmetatable({}, {__metatable = false})", "setmetatable({}, {a = 1})", "true" })
each("setmetatable($)", { "", "{}", "{}, nil", "{}, {}", "{}, 1", "{}, 'x'", "1, {}", "nil, {}", "nil", "'x', {}", "print, {}", "setmetatable({}, {__metatable = 1}), {}", "setmetatable({}, {__metatable = 1}), nil", "setmetatable({}, {__metatable = false}), nil", "setmetatable({}, {}), nil", "{1,2}, {}, 3" })
try("local t, mt = {}, {} return setmetatable(t, mt) == t, getmetatable(t) == mt")
try("getmetatable('').__index == string")
try("getmetatable('x') == getmetatable('')")

-- rawequal, rawget, rawset
each("rawequal($)", { "", "1", "1, 1", "1, 2", "1, '1'", "'a', 'a'", "'a', 'b'", "{}, {}", "nil, nil", "nil, false", "0, -0", "0/0, 0/0", "print, print", "1, 1, 2", "('x'):rep(1000), ('x'):rep(1000)" })
try("local mt = {__eq = function() return true end} return rawequal(setmetatable({}, mt), setmetatable({}, mt))")
each("rawget($)", { "", "{}", "{}, nil", "{5}, 1", "{5}, 1, 2", "{x=1}, 'x'", "setmetatable({}, {__index = function() return 1 end}), 'x'", "1, 1", "'abc', 1", "nil, 1", "{}, 0/0", "{[1.5]=2}, 1.5" })
each("rawset($)", { "", "{}", "{}, 1", "{}, nil, 1", "{}, 0/0, 1", "{}, 1, nil", "{}, 1, 2", "{}, 'x', 2", "{}, 1, 2, 3", "1, 2, 3", "setmetatable({}, {__newindex = error}), 1, 2", "nil" })

-- next, pairs, ipairs
each("next($)", { "", "nil", "{}", "{5}", "{5}, 1", "{5}, nil", "{5}, 2", "{x=1}", "{x=1}, 'x'", "{x=1}, 'y'", "{}, 1", "1", "'x'", "{5,6}, 1", "{5,6}, 2", "{}, {}" })
each("select('#', next($))", { "{}", "{1}", "{1}, 1" })
each("pairs($)", { "", "nil", "1", "'x'" })
each("ipairs($)", { "", "nil", "1", "'x'" })
each("local out = {} for k, v in pairs($) do out[#out+1] = tostring(k) .. '=' .. tostring(v) end table.sort(out) return out", { "{}", "{1,2,3}", "{a=1,b=2}", "{1,2,a=3,[10]=4,[1.5]=5}", "{[true]=1,[false]=2}" })
each("local out = {} for i, v in ipairs($) do out[#out+1] = i out[#out+1] = v end return out", { "{}", "{1,2,3}", "{1,nil,3}", "{[0]=0,1,2}", "{a=1}", "{false,1}", "setmetatable({}, {__index = function(_, i) if i < 3 then return i end end})" })
try("local f, t, i = ipairs({7}) return type(f), t, i, f(t, 0), f(t, 1), select('#', f(t, 1))")
try("local f, t, i = pairs({7}) return type(f), t, i")
try("local f = ipairs({}) return f({5}, 0)")
try("local f = ipairs({}) return f()")
try("local f = ipairs({}) return f({}, 'x')")
try("local t = {1,2,3,4,5} for k in pairs(t) do t[k] = nil end return next(t)")
try("local t = {a=1,b=2,c=3} for k in pairs(t) do t[k] = 5 end return t")

-- load, loadstring
each("loadstring($)", { "", "nil", "{}", "true", "'return )'", "'x = = 1'" })
each("local f, e = loadstring($) return type(f), e and e:match('^%[string.-%]:%d+:')", { "1", "''", "'return 1'", "'return'", "'x'", "'x ='", "'return 1 2'", "'x', 'named'", "'x\\ny', 'named'", "'\\n\\nx'", "'for'", "'local function'", "'a.b:c'", "'break'", "'return ...'" })
each("loadstring($)()", { "''", "'return 1, 2, nil'", "'return ...'", "'error(\"x\")'", "'error(\"x\", 0)'", "'local x x()'", "'\\n\\nerror(\"x\")', 'named'", "'a = 1 return a'", "12" })
each("select('#', loadstring($))", { "''", "'x'", "'return'" })
try("loadstring('return ...')(1, nil, 3)")
each("load($)", { "", "nil", "'return 1'", "1", "{}", "function() end", "function() return nil end", "function() return '' end", "function() return {} end", "function() return true end", "print, {}", "function() return {} end, 'named'" })
each("local parts, i = $, 0 local f, e = load(function() i = i + 1 return parts[i] end) if not f then return f, e, i end return i, f('arg')", { "{'return 1'}", "{'ret', 'urn ', '1'}", "{'return ...'}", "{'return 1', '', 'x'}", "{'return ', 1, 2}", "{'return 1', {}}", "{'return 1', false}", "{'error(\"x\")'}", "{'-- comment', '\\nreturn 2'}" })
try("local ok, e = load(function() error({7}) end) return ok, e")
try("local ok, e = load(function() error('x', 0) end) return ok, (e:gsub('\\n.*', ''))")
try("local f = load(function() return nil end) return f()")
try("local n = 0 local f = load(function() n = n + 1 if n == 1 then return load(function() return nil end) and 'return 5' end end) return f()")

-- getfenv, setfenv
try("getfenv(1) == _G, getfenv() == _G, getfenv(0) == _G, getfenv(function() end) == _G")
try("local f = function() return x end setfenv(f, {x = 5}) return f(), getfenv(f).x")
try("local f = function() return x end return setfenv(f, {x = 5}) == f")
try("local function f() setfenv(1, {y = 6}) return y end return f()")
each("getfenv($)", { "'x'", "{}", "-1", "true" })
each("setfenv($)", { "", "1", "1, 1", "1, nil", "function() end", "function() end, 1", "-1, {}", "100, {}", "'x', {}", "{}, {}" })
try("local env = setmetatable({}, {__index = _G}) local f = setfenv(loadstring('z = 3 return z'), env) return f(), env.z, z")

-- collectgarbage
each("collectgarbage($)", { "", "'collect'", "'stop'", "'restart'", "'setpause', 100", "'setpause', 200", "'setstepmul', 300", "'setstepmul', 200", "nil", "'bad'", "{}", "1", "'collect', 'x'", "'step', {}" })
each("type(collectgarbage($))", { "'count'", "'step'", "'step', 100" })

-- print
each("print($)", { "", "1", "'a', 'b'", "nil, true, 1.5", "''", "'', ''", "setmetatable({}, {__tostring = function() return 'meta' end})", "setmetatable({}, {__tostring = function() return 12 end})", "setmetatable({}, {__tostring = function() end})", "setmetatable({}, {__tostring = function() return {} end}), 1", "setmetatable({}, {__tostring = function() error('x') end})", "'two\\nlines'" })
try("local old = tostring tostring = function(v) return '<' .. type(v) .. '>' end print(1, {}, nil) tostring = old")
try("local old = tostring tostring = function(v) return 7 end print(1, 2) tostring = old")
try("local old = tostring tostring = function(v) return nil end local ok, e = pcall(print, 1) tostring = old return ok, e")
try("local old = tostring tostring = nil local ok, e = pcall(print, 1) tostring = old return ok, e")
try("local old = tostring tostring = nil print() tostring = old")
try("_VERSION")
try("_G._G == _G")
