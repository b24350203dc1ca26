package stdlib

import "github.com/luasandbox/modrunner/luasandbox/vm"

//go:generate go test -run TestCompatibilityPage . -args -update

// status says how a function relates to the one of C Lua 5.1.5.
type status uint8

const (
	full    status = iota + 1 // the same results and messages
	differs                   // present; note says what is not the same
	absent                    // not there: reading it gives nil
)

var statusNames = map[status]string{full: "full", differs: "differs", absent: "absent"}

func (s status) String() string { return statusNames[s] }

// entry is one row of the ledger.
type entry struct {
	library string     // "string", "" for base
	name    string     // "rep"
	fn      *vm.Native // nil for absent functions
	status  status     // full, differs, absent
	charge  string     // charge rule in words
	note    string     // what differs from Lua 5.1 and why; "" when the same
	test    string     // the test that covers it (a Go test or subtest name that exists)
}

// path is the function as a script writes it.
func (e entry) path() string {
	if e.library == "" {
		return e.name
	}
	return e.library + "." + e.name
}

// libraries lists the tables that hold functions, in the order of the manual;
// "" is the table of globals itself.
var libraries = []struct {
	name    string
	entries []entry
}{
	{"", baseLibrary},
	{"coroutine", coroutineLibrary},
	{"string", stringLibrary},
	{"table", tableLibrary},
	{"math", mathLibrary},
	{"os", osLibrary},
	{"debug", debugLibrary},
	{"bit32", bit32Library},
}

// ledger returns every row: the functions of each library, then what is absent.
func ledger() []entry {
	var rows []entry
	for _, l := range libraries {
		rows = append(rows, l.entries...)
	}
	return append(rows, absentFunctions...)
}

// constants are the members of the libraries that are not functions.
var constants = []struct {
	library, name string
	value         vm.Value
}{
	{"", "_VERSION", vm.SharedString("Lua 5.1")},
	{"math", "pi", vm.Number(pi)},
	{"math", "huge", vm.Number(inf)},
}

const (
	testAbsent = "TestAbsentFunctionsAreNil"
	noFiles    = "reaches the host's files"
	noProcess  = "acts on the host's process"
	noDebug    = "looks into or changes other functions' variables, past every check they make"
	noPackage  = "finds and runs files of the host; require serves the mod's own modules without it"
)

// gone returns rows for functions of a library that is absent as a whole.
func gone(library, why string, names ...string) []entry {
	var rows []entry
	for _, name := range names {
		rows = append(rows, entry{library: library, name: name, status: absent, note: why, test: testAbsent})
	}
	return rows
}

// absentFunctions are those of Lua 5.1's library that a sandbox does not have.
var absentFunctions = concatenate(
	gone("", noFiles, "dofile", "loadfile"),
	gone("", "deprecated in 5.1; collectgarbage(\"count\") tells the same", "gcinfo"),
	gone("", "deprecated in 5.1, and ties module names to globals; return a table from the module", "module"),
	gone("", "undocumented; makes userdata, which only the host may", "newproxy"),
	gone("string", "bytecode is neither written nor read", "dump"),
	gone("os", noProcess, "execute", "exit", "setlocale"),
	gone("os", "tells about the host's environment", "getenv"),
	gone("os", noFiles, "remove", "rename", "tmpname"),
	gone("io", noFiles, "close", "flush", "input", "lines", "open", "output", "popen", "read",
		"stderr", "stdin", "stdout", "tmpfile", "type", "write"),
	gone("debug", noDebug, "debug", "getfenv", "gethook", "getinfo", "getlocal", "getmetatable",
		"getregistry", "getupvalue", "setfenv", "sethook", "setlocal", "setmetatable", "setupvalue"),
	gone("package", noPackage, "config", "cpath", "loaded", "loaders", "loadlib", "path", "preload", "seeall"),
)

func concatenate(lists ...[]entry) []entry {
	var all []entry
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
