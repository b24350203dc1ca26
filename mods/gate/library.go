package gate

import "strings"

// library is what a sandbox has of Lua 5.1's library: the names in each table, the
// globals under "".
var library = func() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for table, names := range map[string]string{
		"": "assert collectgarbage error getfenv getmetatable ipairs load loadstring next pairs pcall print rawequal rawget rawset require " +
			"select setfenv setmetatable tonumber tostring type unpack xpcall _G _VERSION coroutine string table math os debug bit32",
		"coroutine": "create resume running status wrap yield",
		"string":    "byte char find format gfind gmatch gsub len lower match rep reverse sub upper",
		"table":     "concat foreach foreachi getn insert maxn remove setn sort",
		"math": "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min mod modf pi pow rad random " +
			"randomseed sin sinh sqrt tan tanh",
		"os":    "clock date difftime time",
		"debug": "traceback",
		"bit32": "arshift band bnot bor btest bxor extract lrotate lshift replace rrotate rshift",
	} {
		all[table] = map[string]bool{}
		for name := range strings.FieldsSeq(names) {
			all[table][name] = true
		}
	}
	return all
}()

// absent says why globals of Lua are not there in a sandbox.
var absent = map[string]string{
	"io":       "mods have no files of the host; ask for a capability such as files or storage",
	"package":  "require finds the mod's own modules without it",
	"dofile":   "mods have no files of the host; require runs the mod's own",
	"loadfile": "mods have no files of the host; require runs the mod's own",
	"module":   "return a table from the module instead",
	"newproxy": "only the host makes userdata",
	"gcinfo":   `collectgarbage("count") tells the same`,
}

// isLibrary reports whether a global is a table of the library.
func isLibrary(name string) bool { return name != "" && library[name] != nil }
