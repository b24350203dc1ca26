package generate

// hostile is what the dialect Anything has beside portable.
var hostile = map[string][]string{
	"simple": {
		"try(function(...) $use end)",
		"mt.__$event = $native",
		"G1 = $library",
		"print(show(pcall($native, $exprs)))",
		"setmetatable(«o|p|m|s», «mt|nil|{__index = $expr}|{__mode = 'kv'}|{__metatable = $expr}»)",
		"try($native, $exprs)",
		"collectgarbage(«|'count'|'step'|'collect'»)",
	},
	"stat": {
		"mt.__$event = $function",
		"mt.__$event = function(p, q, ...)$cobody end",
		"try(function(...) $use $use end)",
		// goto, and closures over variables of loops made with it.
		"do if $safe then goto ¤ end do$block end ::¤:: end",
		"do local ¤n = 0 ::¤:: local v = $expr f = function() v = ¤n return v end ¤n = ¤n + 1 do$block end if ¤n < 4 then goto ¤ end end",
		"for i = 1, 5 do local v = $expr if $safe then goto ¤ end h = function() i = i + 1 return v, i end do$loop end ::¤:: end",
		"for i = 1, 3 do for j = 1, 3 do local v = i .. j a = function() return v end if $safe then goto ¤ end end ::¤:: end",
		"while true do local v = {} h = function() return v end do$loop end if $safe then break end G1 = (tonumber(G1) or 0) + 1 if G1 > 20 then break end end",
		// Coroutines.
		"do local co = coroutine.wrap(function(...) return pcall(function(...)$cobody end, ...) end) for i = 1, «1|3|5» do try(co, i, $expr) end end",
		"do local co = coroutine.create(function(...) local ok, e = xpcall(function(...)$cobody end, function(e) coroutine.yield(e) return e end) coroutine.yield(ok, e)$cobody end) for i = 1, 4 do print(show(coroutine.resume(co, i)), coroutine.status(co)) end end",
		"for x, y in coroutine.wrap(function() for i = 1, «2|5|50» do coroutine.yield(i, $plain) end end) do$loop end",
		"try(coroutine.wrap(function(...) for k, v in $iterator do coroutine.yield(k) end $use end), $pair)",
		"do local co co = coroutine.create(function(...) $use try(coroutine.resume, co)$cobody end) f = function(...) return coroutine.resume(co, ...) end try(f) try(f, $expr) end",
		"do local co = coroutine.wrap(function(...) mt.__$event = coroutine.yield mt.__$event = coroutine.yield $use $use end) for i = 1, 4 do try(co, $expr) end end",
		"do local co = coroutine.wrap(function() return (string.gsub('hello', '«.|l|(h)(e)»', coroutine.yield)) end) for i = 1, 4 do try(co, «'x'|false|nil|{}|$expr») end end",
		"do local co = coroutine.wrap(function() local r = {3, 1, 2, 5, 4} table.sort(r, function(x, y) coroutine.yield(x) return x < y end) return unpack(r) end) for i = 1, 12 do try(co) end end",
		"do local r = {} for i = 1, «3|10|100» do r[i] = coroutine.create(function(...)$cobody end) coroutine.resume(r[i], i) end f = function() return #r end end",
		"for k, v in $iterator do$loop end",
		"for k, v in $iterator do$loop end",
		// Sorting, and replacing.
		"do local r = $list try(table.sort, r, $order) print(show(unpack(r, 1, 5))) end",
		"do local r = $list try(table.sort, r, $order) print(show(unpack(r, 1, 5))) end",
		"try(string.gsub, $text, $pattern, $replacement, «nil|0|1|1e9»)",
		"for x, y in string.gmatch($text, $pattern) do$loop end",
		"try(string.«find|match», $text, $pattern, «nil|1|-1|0|1e9»)",
		"try(string.format, $format, $exprs)",
		// Recursion.
		"do local function ¤(n, ...) $recursion end try(¤, 1, $pair) end",
		"do local function ¤(n, ...) if n > «5|100|1000» then$vbody end $recursion end try(¤, 1, $pair) end",
		"do local function ¤(n, ...) $recursion end print(show(xpcall(¤, «¤|function(e)$body end|error|print|coroutine.yield»))) end",
		// Errors.
		"try(error, «m|nil|setmetatable({}, {__tostring = $native})|coroutine.create(print)|error|1e15|0/0|'text'|{code = 1}|setmetatable({}, {__tostring = function() error('again') end})», «nil|0|1|2|1e9»)",
		"print(show(xpcall(function()$body end, function(e) «error(e)|return e, e|coroutine.yield(e)|return $plain|local t = nil return t.x|while true do end» end)))",
		"if $safe then error($expr) end",
		// Weak tables, garbage, and what stays.
		"do local w = setmetatable({}, {__mode = «'k'|'v'|'kv'»}) for i = 1, «10|100|1000» do w[«i|{}|'k' .. i|function() return i end»] = «{}|i|w|function() return w end|{i}» «|if i % 7 == 0 then collectgarbage() end|s[i % 5 + 1] = next(w)» end collectgarbage() local ¤ = 0 for _ in pairs(w) do ¤ = ¤ + 1 end print('weak', ¤) end",
		"do local w = setmetatable({}, {__mode = 'k'}) for i = 1, 20 do local k = {} w[k] = {k} end collectgarbage() print('ephemeral', next(w) == nil) end",
		"do local r = {} for i = 1, «100|1e4|1e6» do r[i] = «i|{}|{i}|'x' .. i|function() return i end|coroutine.create(print)|{r}|s|i / 2» end f = function() return r end end",
		"for i = 1, «100|1000|1e5» do local x = «{}|{i, i}|'a' .. i|function() return i end|{k = i}|coroutine.wrap(f)|setmetatable({}, mt)» end",
		"do local r = {} for i = 1, 60 do r[«i|i * 2^20|'k' .. i|-i|i / 2|{}|i % 7|i * 2^53|tostring(i)»] = i «|r[i - 5] = nil|r[next(r)] = nil|if i % 10 == 0 then r = {} end» end for k, v in pairs(r) do «r[k] = nil|r[k] = v|r[1] = 1|if v == 30 then break end» end print(show(next(r))) end",
		"try(function() local x = $text for i = 1, «5|12|40» do x = x .. x end return #x end)",
		"try(function() local x = '' for i = 1, «5|500» do x = x .. i .. «'a'|$text|x» end return #x end)",
		// Variable arguments and assignments.
		"try(function(...) local x, y = ... return select('#', ...), x, y, ... end, unpack(many(«5|200|250|5000|1e6»)))",
		"try(select, «'#'|1|-1|2|1e9|-1e9|0», $exprs)",
		"a, b, m.x, m[b], s[#s + 1] = $exprs",
		"s = {$exprs, $exprs, k = $expr, [$expr or 1] = $expr, f($expr)}",
		"do local ¤ = {f(unpack(many(«5|200»)))} print(show(#¤, unpack(¤, 1, 3))) end",
		"for i = $number, $number, $number do$loop end",
		// Text that becomes a program, and environments.
		"try(«loadstring|load|loadstring», «'return ...'|'x = 1 return x'|'return return'|function() return $plain end|coroutine.wrap(function() coroutine.yield('return ') coroutine.yield('1') end)|function() error('reader') end|('x = x '):rep(500)|$text»)",
		"try(function(...) local g = assert(loadstring('G1 = ... return G1, g')) setfenv(g, «_G|m|setmetatable({}, mt)|setmetatable({}, {__index = _G})») return g($exprs) end)",
		"try(setfenv, «f|h|1|0|2|print|-1», «m|_G|{}|o»)",
		"try(require, «'good'|'bad'|'loop'|'none'|$expr»)",
		// Numbers.
		"print(show($number «+|-|*|/|%|^» $number, $number «<|<=|==» $number, tostring($number), tonumber($text), - $number))",
	},
	"event": {"tostring", "len", "mode", "metatable", "gc", "index", "newindex", "call", "eq", "lt", "le", "concat", "unm", "add"},
	"use": { // of o and p, whose metamethods are whatever mt has; each ends as a statement does
		"G1 = o + p", "G1 = o - 1", "G1 = 2 * p", "G1 = o / o", "G1 = o % 3", "G1 = 'x' ^ p", "G1 = -o", "G1 = #o",
		"G1 = o .. p", "G1 = 1 .. o .. 's'", "G1 = o .. 'a' .. 'b' .. p", "G1 = o < p", "G1 = o <= p", "G1 = o == p", "G1 = o ~= p", "G1 = not (o > p)", "if o < p then G1 = 1 end",
		"G1 = o.k", "G1 = o.missing", "G1 = p[$expr]", "o.k2 = $expr", "p[$expr] = $expr", "G1 = o:k($expr)", "G1 = o($expr)", "o()", "G1 = o(o, p)", "G1 = {o($expr)}",
		"G1 = tostring(o)", "print(o, p)", "for x in o do G1 = x break end", "for x, y in pairs(o) do G1 = x end", "for i, x in ipairs(p) do if i > 5 then break end end", "table.sort({o, p, o, p})", "G1 = table.concat({o, p}, o)",
		"G1 = string.rep(o, p)", "G1 = ('x'):gsub('x', o)", "G1 = unpack(o)", "G1 = next(o)", "G1 = rawget(o, p)", "G1 = getmetatable(o)", "error(o)", "G1 = select(o, p)", "G1 = math.max(o, p)",
	},
	"native": {
		"print", "error", "pcall", "xpcall", "coroutine.yield", "coroutine.wrap", "coroutine.resume", "coroutine.create", "coroutine.running", "coroutine.status",
		"string.rep", "string.format", "string.gsub", "string.find", "string.gmatch", "string.byte", "string.char", "string.sub", "string.reverse",
		"table.concat", "table.insert", "table.remove", "table.sort", "table.maxn", "table.foreach", "table.getn", "unpack",
		"setmetatable", "getmetatable", "rawget", "rawset", "rawequal", "next", "pairs", "ipairs", "select", "tostring", "tonumber", "type", "assert", "loadstring", "load", "setfenv", "getfenv", "collectgarbage", "require",
		"math.floor", "math.fmod", "math.random", "math.max", "math.ldexp", "os.date", "os.time", "bit32.extract", "bit32.lshift", "debug.traceback",
		"f", "h", "m", "o", "nil", "1", "'text'", "coroutine.wrap(function(...)$cobody end)",
	},
	"library": {
		"string.sub($text, $number, $number)", "string.byte($text, $number, $number)", "string.char($number, $number)", "string.rep($text, $number)", "($text):len()", "string.upper($text)",
		"table.concat($list, $text, $number, $number)", "table.insert($list, $number, $expr)", "table.remove($list, $number)", "unpack($list, $number, $number)", "table.maxn($list)", "table.foreach($list, $native)", "table.foreachi($list, $native)",
		"math.fmod($number, $number)", "math.frexp($number)", "math.ldexp($number, $number)", "math.modf($number)", "math.pow($number, $number)", "math.sin($number)", "math.random($number, $number)", "math.randomseed($number)",
		"tonumber($text, $number)", "tostring($number)", "os.date($format, $number)", "os.time({year = $number, month = $number, day = $number})", "collectgarbage($expr, $number)", "debug.traceback($expr, $number)",
		"bit32.extract($number, $number, $number)", "bit32.bxor($number, $number)", "bit32.arshift($number, $number)", "getfenv($number)", "next($list, $expr)", "rawset($list, $expr, $expr)", "rawequal($expr, $expr)", "assert($exprs)",
	},
	"iterator": {
		"pairs($list)", "ipairs($list)", "next, $list", "next, $list, nil", "o, p", "function(x, i) i = (i or 0) + 1 if i < 5 then return i, $plain end end", "ipairs(o)", "coroutine.wrap(function(...)$cobody end)", "$native, $expr, $expr", "('a,b,c'):gmatch('[^,]+')", "pairs(_G)",
	},
	"list": {
		"{3, 1, 2}", "{$exprs}", "s", "t", "many(«0|1|10|100|1000»)", "{5, 'a', 3}", "{'b', 'a', 'c', 'aa', ''}", "{2, 2, 2, 2, 2, 2}", "{o, p, o}", "{1, nil, 3}", "{[1] = 'a', [2] = 'b', [4] = 'd'}", "o", "cycle", "{nil, nil, 3}", "{k = 1, 1, [2^53] = 2, [-1] = 3}", "{0/0, 1, 0/0, 2}",
	},
	"order": {
		"nil", "function(x, y) return x > y end", "function(x, y) return true end", "function(x, y) return false end", "function(x, y) s[#s] = nil return x < y end", "function(x, y) error(x) end", "function(x, y)$body return x < y end",
		"rawequal", "math.random", "function(x, y) return not (x < y) end", "function(x, y) G1 = (tonumber(G1) or 0) + 1 return G1 % 3 == 0 end", "error", "print", "coroutine.yield", "function(x, y) table.sort({3, 2, 1}) return x < y end", "select", "o",
	},
	"text": {
		"''", "'hello world'", "('a'):rep(«10|100|10000|1e6»)", "'key = value'", "'THE (quick) fox'", "'a\\0b\\255'", "'10'", "' 0x1p4 '", "'nan'", "'1e'", "b", "G2", "tostring($number)", "('(a(b)c)'):rep(5)", "'%d %s'", "('%1'):rep(40)", "$number", "'\\n\\r\\t'",
	},
	"pattern": {
		"'.'", "'%a+'", "'(%w+)%s*=%s*(%w+)'", "'^(.-)%s*$'", "'%b()'", "'%f[%w]%w+'", "'(.)(.)%2%1'", "'[^%s]*'", "'()'", "'.-.-.-b'", "('a?'):rep(20) .. ('a'):rep(20)", "'[a-%]'", "'%'", "'('", "'%1'", "'[%a'", "''", "'[]]'", "('('):rep(40)", "$text", "'a*'", "'.-$'", "'^a'",
	},
	"replacement": {
		"'%0%0'", "'%1'", "'x'", "''", "'%'", "'%9'", "m", "o", "$function", "$native", "{a = 1, h = 'H', [''] = true}", "function(...) return $vexpr end", "('%0'):rep(1000)", "nil", "cycle", "setmetatable({}, {__index = $native})",
	},
	"format": {
		"'%d'", "'%5.2f|%-10s|%q'", "'%s %s %s'", "'%c%c'", "'%x %o %u'", "'%g %e'", "'%99.99f'", "'%'", "'%100d'", "'%y'", "'%q'", "('%s'):rep(50)", "'%#x %+d % d %05d'", "'%i'", "$text", "'%Y-%m-%d'", "'!%c'", "'*t'",
	},
	"number": {
		"0", "1", "2", "3", "-1", "0.5", "-0", "(1/0)", "(-1/0)", "(0/0)", "1e308", "5e-324", "2^53", "(2^53 + 1)", "2^31", "(-2^31)", "2^63", "(-2^63)", "2^64", "1e15", "(1e14 - 0.5)", "0x7fffffff", "0xffffffff", "255", "1e999", "(-1e-320)", "1e100", "100", "7", "1e5", "#s", "'10'", "'0x10'",
	},
	"recursion": {
		"return ¤(n + 1, ...)", "return 1 + ¤(n + 1)", "return (¤(n + 1, n, ...))", "return pcall(¤, n + 1)", "return coroutine.wrap(¤)(n + 1)", "return n .. ¤(n + 1)", "return setmetatable({}, {__index = ¤})[n]", "return tostring(setmetatable({}, {__tostring = ¤}))", "return (string.gsub('x', 'x', ¤))", "return select(2, ¤(n + 1))", "return xpcall(function() return ¤(n + 1) end, ¤)", "return load(function() return ¤(n + 1) end)", "for x in ¤, n + 1 do return x end", "table.sort({1, 2}, ¤)", "return ¤(n + 1), ¤(n + 2)", "return setmetatable({}, {__call = ¤})(n + 1)", "return setmetatable({}, {__eq = ¤}) == o", "table.foreach({1}, ¤)", "local ok, e = pcall(error, n) return ¤(n + 1, e, ...)",
	},
	"expr": {
		"$number", "$library", "$text", "setmetatable({$expr}, mt)", "coroutine.wrap($function)", "coroutine.create($function)", "pcall($native, $expr)", "$function", "o", "cycle", "many(«10|300»)", "select(2, $native, $expr)", "(o «+|..|<|==|<=|%» $expr)", "{$exprs, k = $expr, [$expr or 1] = $expr}",
	},
	"atom":   {"o", "p", "mt", "cycle", "print", "_G", "t", "h", "0/0", "1/0", "-0", "2^53", "{}", "n"},
	"call":   {"G1 = coroutine.yield($pair)", "pcall(coroutine.yield, $expr)"},
	"yield":  {"$var = coroutine.yield($pair)", "coroutine.yield()", "pcall(coroutine.yield, $pair)", "table.sort({3, 2, 1}, coroutine.yield)", "mt.__$event = coroutine.yield $use"},
	"return": {"do return f($exprs) end", "do return pcall(f, $exprs) end", "do return coroutine.yield($expr) end"},
}
