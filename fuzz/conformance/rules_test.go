package conformance

// suites are the folders of the gopher-lua module that hold the files.
var suites = []string{"_lua5.1-tests", "_glua-tests"}

// A rule says what a file does not do in a sandbox, and why.
type rule struct {
	kind        kind
	first, last int    // lines, from 1
	instead     string // Lua code in the place of lines left out
	reason      string
	site        int // the one assertion meant, or 0 for all in these lines
}

type kind int

const (
	// leftOut: these lines are not run. They, and only they, are taken away before
	// any engine sees the file.
	leftOut kind = iota
	// unreached: the file itself does not come there.
	unreached
	// differs: the assertion fails, on purpose.
	differs
)

func (k kind) String() string {
	return [...]string{"left out", "not reached", "differs"}[k]
}

// left leaves out the lines first to last.
func left(first, last int, reason string) rule {
	return rule{kind: leftOut, first: first, last: last, reason: reason}
}

// swapped puts Lua code of ours in the place of lines.
func swapped(first, last int, instead, reason string) rule {
	return rule{kind: leftOut, first: first, last: last, instead: instead, reason: reason}
}

func never(first, last int, reason string) rule {
	return rule{kind: unreached, first: first, last: last, reason: reason}
}

// neverSite is never for one of several assertions on a line.
func neverSite(first, last int, reason string, site int) rule {
	return rule{kind: unreached, first: first, last: last, reason: reason, site: site}
}

func fails(first, last int, reason string) rule {
	return rule{kind: differs, first: first, last: last, reason: reason}
}

// rules says of each file what its bytes are, so that the line numbers are those
// meant, and what is not run of it.
type rules struct {
	sha256        string
	before, after string // code around the file's, on its first and after its last line
	list          []rule
}

const (
	testC       = "needs T, the interface that C Lua's makers test the C API and the internals through"
	noIO        = "io and os.remove are absent: there are no files"
	noDebug     = "debug has only traceback"
	noProxy     = "newproxy is absent: only the host makes userdata; there are no finalizers"
	noLocale    = "os.setlocale is absent: the locale is C"
	noGCInfo    = "gcinfo is absent, and collectgarbage collects nothing: the count does not follow a script's garbage"
	noModule    = "package and module are absent; require serves the mod's own modules"
	noSetfenv   = "setfenv(0) is refused"
	tracebacks  = "our traceback is C Lua's, which shows other levels"
	noWeak      = "entries of weak tables stay: a script cannot see that something was collected"
	shortCut    = "and and or must not evaluate it"
	wraps       = "C Lua of 64 bits has another result, and so have we: tonumber wraps at 2^64"
	noSemicolon = "an empty statement, which is Lua 5.2's"
	ownText     = "asks for a message as gopher-lua words it; ours is C Lua's"
)

var tables = map[string]rules{
	"_lua5.1-tests/all.lua": {sha256: "cae825d59d32e9a3", list: []rule{
		left(1, 137, "drives the other files, through dofile and string.dump"),
	}},
	"_lua5.1-tests/api.lua": {sha256: "68994a8541548621", list: []rule{
		never(7, 711, testC),
	}},
	"_lua5.1-tests/attrib.lua": {sha256: "f4c7d108f2f8cfdf", list: []rule{
		left(3, 232, noModule),
		neverSite(278, 278, shortCut, 79),
		neverSite(279, 279, shortCut, 81),
	}},
	"_lua5.1-tests/big.lua": {sha256: "89c96c222bce116d", before: "local run = coroutine.wrap(function() ", after: "end) run() run()", list: []rule{
		left(3, 13, "makes a string of 4 GiB, which C Lua fails at on machines of 32 bits only"),
	}},
	"_lua5.1-tests/calls.lua": {sha256: "673c8f18b7db8bff", list: []rule{
		left(241, 241, noDebug),
	}},
	"_lua5.1-tests/checktable.lua": {sha256: "2f905e55f23b8db4", list: []rule{
		never(10, 76, testC),
	}},
	"_lua5.1-tests/closure.lua": {sha256: "3973829c0b532d4e", list: []rule{
		left(166, 178, noSetfenv),
		left(277, 278, noDebug),
		never(374, 398, testC),
		left(412, 422, noDebug),
	}},
	"_lua5.1-tests/code.lua": {sha256: "25265ced9789e6a4", list: []rule{
		never(10, 143, testC),
	}},
	"_lua5.1-tests/constructs.lua": {sha256: "da83de439859ca44", list: []rule{
		left(189, 189, noDebug),
		swapped(237, 238, "i = i + 7 until i >= c", "tries every seventh of 32,768 combinations, to save time"),
	}},
	"_lua5.1-tests/db.lua": {sha256: "45bee0f25a06a9b0", list: []rule{
		never(3, 3, noDebug),
		left(7, 382, noDebug),
		fails(403, 403, "a coroutine that an error ended has no traceback: its frames are given back"),
		left(417, 456, noDebug),
		left(475, 495, noDebug),
	}},
	"_lua5.1-tests/errors.lua": {sha256: "9d23589cae9ed6bd", list: []rule{
		fails(20, 20, "a syntax error shows a string without its quotes and a byte beyond ASCII as char(n), as gopher-lua's parser does"),
		left(111, 111, noIO),
		swapped(142, 142, `local function here() return tonumber((string.match(select(2, pcall(error, "", 3)), ":(%d+):"))) end local l = here(); function y() C = C + 1; y() end`, noDebug),
		swapped(154, 154, `l1 = here(); y()`, noDebug),
		fails(214, 214, "chains of one right-associative operator may be of any length"),
		fails(238, 238, "a function may have more than 60 upvalues"),
	}},
	"_lua5.1-tests/events.lua": {sha256: "5448ba7e7730136b", list: []rule{
		left(332, 357, noDebug),
	}},
	"_lua5.1-tests/files.lua": {sha256: "1c1300efc7eca19f", list: []rule{
		left(1, 263, noIO),
		left(303, 313, noIO),
	}},
	"_lua5.1-tests/gc.lua": {sha256: "f3cc02f690371fa0", list: []rule{
		left(88, 129, noGCInfo),
		left(158, 161, noWeak),
		left(174, 177, noWeak),
		left(188, 200, noWeak),
		left(203, 255, noProxy),
		left(287, 310, noProxy),
	}},
	"_lua5.1-tests/literals.lua": {sha256: "633b3cb94fe7652c", list: []rule{
		swapped(112, 112, `return tonumber((string.match(select(2, pcall(error, "", 2)), ":(%d+):")))`, noDebug),
		left(160, 173, noLocale),
	}},
	"_lua5.1-tests/locals.lua": {sha256: "7ee8a582fef614fa", list: []rule{
		never(38, 38, "the branch that must not be taken"),
		left(81, 83, noSetfenv),
		never(109, 123, testC),
	}},
	"_lua5.1-tests/main.lua": {sha256: "d0b7b2e5bb806973", list: []rule{
		left(1, 159, "tests the command lua, through os.execute"),
	}},
	"_lua5.1-tests/math.lua": {sha256: "f6032c56bcebf878", list: []rule{
		fails(47, 48, wraps),
		fails(52, 52, wraps),
		swapped(126, 126, `f = {parts = {}, seek = function() end, close = function() return true end, write = function(f, ...) for i = 1, select("#", ...) do f.parts[#f.parts+1] = (select(i, ...)) end end, read = function(f) return table.concat(f.parts) end}`, noIO),
	}},
	"_lua5.1-tests/nextvar.lua": {sha256: "3e81e2ecf908f557", list: []rule{
		never(15, 134, testC),
		never(181, 181, "table.foreachi goes by #t, which is 0"),
	}},
	"_lua5.1-tests/pm.lua": {sha256: "c9ae77660bc3c6f4", list: []rule{
		swapped(89, 89, "for k = i, j do table.insert(ret, k) end", noSemicolon),
	}},
	"_lua5.1-tests/sort.lua": {sha256: "ea53fdd2c5da7aff"},
	"_lua5.1-tests/strings.lua": {sha256: "c8ae3c1945340f81", list: []rule{
		left(144, 165, noLocale),
	}},
	"_lua5.1-tests/vararg.lua": {sha256: "31a704e52d474d6d"},
	"_lua5.1-tests/verybig.lua": {sha256: "2e647a4285ac2c09", list: []rule{
		swapped(68, 68, `local parts = {} local io = {write = function(...) for i = 1, select("#", ...) do parts[#parts+1] = (select(i, ...)) end end}`, noIO),
		left(89, 90, noIO),
		swapped(95, 97, `result = loadstring(table.concat(parts))()`, noIO),
	}},
	"_glua-tests/base.lua": {sha256: "d60a0e9ce84c7e62", list: []rule{
		fails(4, 4, ownText),
		never(38, 38, "in an error handler that must not run"),
	}},
	"_glua-tests/coroutine.lua": {sha256: "e77527e2648b5ac3", list: []rule{
		fails(8, 8, ownText),
		fails(17, 17, ownText),
	}},
	"_glua-tests/db.lua": {sha256: "1253957ef320f993", list: []rule{
		left(1, 86, noDebug),
	}},
	"_glua-tests/goto.lua": {sha256: "fa81676e0240dad4", list: []rule{
		swapped(81, 81, "::l1::", noSemicolon),
		swapped(90, 90, "::l1:: ::l2::", noSemicolon),
	}},
	"_glua-tests/issues.lua": {sha256: "b4328e2bb155213f", list: []rule{
		fails(83, 83, tracebacks),
		fails(90, 90, tracebacks),
		fails(107, 107, tracebacks),
		fails(167, 167, ownText),
		never(199, 199, "the branch that must not be taken"),
		fails(217, 217, ownText),
		left(474, 492, noIO),
	}},
	"_glua-tests/math.lua": {sha256: "d2b94eb9c2b6f6c6", list: []rule{
		fails(7, 7, ownText),
		fails(12, 12, ownText),
	}},
	"_glua-tests/os.lua": {sha256: "d8a0f5444a9afb9c", list: []rule{
		left(1, 18, "needs os.execute, os.getenv and gopher-lua's os.setenv"),
	}},
	"_glua-tests/strings.lua": {sha256: "74ecae3b0fe767f1", list: []rule{
		fails(5, 5, "asks for gopher-lua's words about string.dump, which is absent"),
		fails(7, 7, "a % before a letter in a replacement stands for the letter, as in C Lua"),
	}},
	"_glua-tests/table.lua": {sha256: "cf5ed66d52785e0a"},
	"_glua-tests/vm.lua": {sha256: "60ae8c298d440cfd", list: []rule{
		fails(5, 5, ownText),
		fails(13, 13, "__len of a table is Lua 5.2's"),
		fails(33, 33, ownText),
		fails(40, 40, ownText),
		fails(47, 47, ownText),
		fails(52, 52, ownText),
		fails(57, 57, ownText),
		fails(129, 129, ownText),
	}},
}
