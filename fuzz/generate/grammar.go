package generate

import "maps"

// The grammars, in the notation of writer.text. The first alternative of a symbol
// is the one that is taken when the bytes are used up, so it is short.

const preamble = `local function show(...)
  local n, out = select('#', ...), ''
  for i = 1, n do
    local v = select(i, ...)
    if v ~= v then v = 'nan' elseif v == 0 then v = 'zero' end
    local k = type(v)
    out = out .. ' ' .. ((k == 'string' or k == 'number' or k == 'boolean' or k == 'nil') and tostring(v) or k)
  end
  return #out < 500 and out or #out
end
local function try(f, ...) print('try', show(pcall(f, ...))) end
local zero, nothing = 0, nil
local a, b, c, d = 1, 'two', 3.5, true
local m, n = {x = 1, y = 'why'}, {z = {}}
local s, t = {1, 2, 3}, {'p', 'q'}
local f, h = function(...) return ... end, function(p, q) return q, p end
G1, G2 = 10, 'global'
`

const epilogue = "print('end', show(a, b, c, d, G1, G2, #s, #t, m.x, m.y, n.z))\n"

var portable = map[string][]string{
	"top": {"$stat"},
	"simple": {
		"print(show($exprs))",
		"$var = $expr",
		"$var, $var = $exprs",
		"local «a|b|c|d|a, b|c, d» = $pair",
		"m.«x|y|z|w» = $expr",
		"try(function() n['k' .. $plain] = $plain end)",
		"s[#s + 1] = «1|'e'|true|#s|{}»",
		"t[#t] = nil",
		"try(function(...) return $vexpr, $vexpr end, $pair)",
		"$yield",
		"$break",
		"m, n = n, m",
		"f, h = h, f",
	},
	"stat": {
		"$simple", "$simple", "$simple", "$simple", "$simple", "$simple", "$simple", "$simple", "$simple", "$simple", "$simple",
		"if $safe then$block«|elseif $safe then$block»«|else$block»end",
		"if $safe then$block«|elseif $safe then$block»«|else$block»end",
		"for i = «1|3|-2|0.5», «3|1|4|-1|2.25», «1|-1|2|0.75» do$loop end",
		"for i = «1|3|-2|0.5», «3|1|4|-1|2.25», «1|-1|2|0.75» do$loop end",
		"for i, v in ipairs(«s|t|{}|{1, 2}») do$loop end",
		"local w = 0 while w < «1|2|3|4» and $safe do w = w + 1$loop end",
		"local w = 0 repeat local u = w w = w + 1$loop until u >= «0|1|2» or $safe",
		"do$block end",
		"«f|h|a|m.call» = $function",
		"«f|h|a|m.call» = $function",
		"try(function(...)$vbody end, $pair)",
		"do local co = coroutine.wrap(function(p, ...)$cobody end) try(co, $pair) try(co, $expr) «|try(co) try(co)» end",
		"do local co = coroutine.wrap(function(p, ...)$cobody end) try(co, $pair) try(co, $expr) «|try(co) try(co)» end",
		"setmetatable(«m|n», {__$event = function(p, q, ...)$vbody end, __«index|newindex|tag» = «{w = 'inherited'}|{}|function(p, q) return q end»})",
		"setmetatable(«m|n», {__$event = function(p, q, ...)$vbody end, __«index|newindex|tag» = «{w = 'inherited'}|{}|function(p, q) return q end»})",
		"setmetatable(«m|n», {__$event = function(p, q, ...)$vbody end, __«index|newindex|tag» = «{w = 'inherited'}|{}|function(p, q) return q end»})",
		"setmetatable(m, nil) setmetatable(n, getmetatable(m))",
		"print('xp', show(xpcall(function()$body end, function(p) return 'handled', p end)))",
		"try(function() error($plain, «0|1|2») end)",
		"do local ¤ = {} for i = 1, 3 do local v = $expr ¤[i] = function(p) v, i = i, p return v end end try(¤[1], 5) try(¤[1], 6) try(¤[3], $expr) end",
	},
	"event":    {"index", "newindex", "add", "sub", "mul", "div", "mod", "pow", "unm", "concat", "eq", "lt", "le", "call", "index", "concat"},
	"yield":    {"$var = coroutine.yield($pair)", "try(f, coroutine.yield($expr))", "do return coroutine.yield($pair) end"},
	"call":     {"try(f, $pair)", "try(«f|h|m.call», $pair)"},
	"break":    {"if $safe then break end", "$return"},
	"return":   {"do return $pair end", "do return f($pair) end"},
	"function": {"function(p, q)$body end", "function(p, ...)$vbody end"},
	"var":      {"a", "b", "c", "d", "G1", "G2"},
	"pair":     {"$expr", "$expr, $expr"},
	"exprs":    {"$expr", "$expr, $expr", "$expr, $expr, $expr"},
	"safe": { // raises no error
		"«true|false|nil|a|b|not c|not not d|G1»",
		"$atom «==|~=» «1|'two'|nil|true|a|b»",
		"not ($safe)",
		"($safe and $safe)",
		"$safe or $safe",
		"#s «<|<=|>|>=|==|~=» «3|#t|0.5»",
		"type($var) == «'number'|'string'|'table'»",
		"select('#', pcall(«f|h|error», $var)) «==|<» 2",
	},
	"atom": {"a", "b", "c", "d", "1", "'two'", "nil", "true", "false", "2", "0.5", "10", "''", "'3'", "'0x10'", "zero", "m", "n", "s", "f", "G1", "G2", "#s", "m.x", "n.z", "nothing", "1e15", "'a long string that is longer than what is hashed for nothing'"},
	"expr": {
		"$atom", "$atom", "$atom", "$atom",
		"$expr «+|-|*|/|%|^» «a|c|2|m|'3'|(zero + 1)|G1»",
		"$expr «+|-|*|/|%|^» «a|c|2|m|'3'|(zero + 1)|G1»",
		"$expr «+|-|*|/|%|^» «a|c|2|m|'3'|(zero + 1)|G1»",
		"($expr «<|<=|>|>=|==|~=» $expr)",
		"($expr «and|or» $expr)",
		"($expr .. $expr«| .. a| .. m .. b| .. 1 .. 2»)",
		"«not |-|#|- -|not not »«a|b|s|m|(c)|'12'|n.z»",
		"«f|h|m.call|m|tostring|type»($exprs)",
		"(«f|h»($pair))",
		"«m|n|n.z|a|('s')».«x|y|w|len»",
		"(«'abc'|b|('x'):rep(3)»):«upper()|len()|sub(2)|rep(2)|byte(1)»",
		"$dots",
		"{$exprs}", // its length is never asked for
		"$lambda",
		"(function(...) return $vexpr, $vexpr end)($pair)",
		"($expr)",
	},
	"dots":   {"...", "(...)", "select('#', ...)", "select(2, 1, ...)", "#{...}"},
	"lambda": {"function(p) a = $plain return a end", "function(p) b = $plain return b end", "function(p) c = $plain return c end"},
}

const morePreamble = `local mt = {}
local o, p = setmetatable({k = 1}, mt), setmetatable({}, mt)
local cycle = {1} cycle.cycle = cycle
local function many(n) local r = {} for i = 1, n do r[i] = i end return r end
`

// anything is portable and more.
var anything = func() map[string][]string {
	all := maps.Clone(portable)
	for name, list := range hostile {
		all[name] = append(append([]string(nil), all[name]...), list...)
	}
	// One statement's failure keeps none of the others from running.
	const caught = "try(function(...) $stat end, $atom, $atom)"
	all["top"] = []string{caught, caught, caught, caught, caught, caught, caught, "$stat"}
	return all
}()
