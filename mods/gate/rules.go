package gate

import (
	"fmt"
	"strings"
)

const storageAsked = `[permissions.storage]
reason = "Keeps the score between sessions."
`

const httpAsked = `[permissions.http]
hosts = [%q]
reason = "Shows the high scores of all players."
`

// rules are all rules: first what a mod asks for and uses, then what cannot work, then
// what hides what a mod does, then the rest.
var rules = []Rule{
	{
		ID: "undeclared-capability", Severity: Error, Exception: true, NeedsAPI: true,
		Title: "a capability is used that the manifest does not ask for",
		Explanation: "What a mod does not ask for does not exist for it: using it is an error when that code runs, and a sign that the manifest tells less than the mod wants. " +
			"Where the value is only passed on, it is a warning; where the mod first looks whether the table is there, a note. In a library, which asks for nothing itself, it is a warning.",
		Bad:  Example{Lua: "storage.set(\"score\", 1)\n"},
		Good: Example{Manifest: storageAsked, Lua: "storage.set(\"score\", 1)\n"},
	},
	{
		ID: "unused-permission", Severity: Warning, Exception: true, NeedsAPI: true,
		Title: "a capability is asked for and never used",
		Explanation: "A mod should ask for no more than it needs: what it does not use today, its next version can use without asking again. " +
			"Where globals are reached in a way that cannot be followed (`_G[name]`, `getfenv`, `setfenv`, `load`), nobody can tell, and nothing is reported. If the manifest names `[libraries]` it is a note.",
		Bad:  Example{Manifest: storageAsked, Lua: "print(\"hello\")\n"},
		Good: Example{Lua: "print(\"hello\")\n"},
	},
	{
		ID: "optional-unchecked", Severity: Note, Exception: true, NeedsAPI: true,
		Title:       "an optional capability is used without looking whether it is there",
		Explanation: "The manifest says `optional = true`, so an operator may leave the capability out; the table is then nil, and using it is an error. What counts as looking: `if`, `and`, `or`, `assert`, an early `return`, comparisons with nil, and `type`.",
		Bad:         Example{Manifest: storageAsked + "optional = true\n", Lua: "storage.set(\"score\", 1)\n"},
		Good:        Example{Manifest: storageAsked + "optional = true\n", Lua: "if storage then storage.set(\"score\", 1) end\n"},
	},
	{
		ID: "deprecated-capability", Severity: Note, Exception: true, NeedsAPI: true,
		Title:       "a deprecated version of a capability is asked for",
		Explanation: "The host says what to use instead. A later version of the host will not have it any more.",
		Bad:         Example{Manifest: "[permissions.example]\nversion = \"^1\"\nreason = \"Shows how it was done before.\"\n", Lua: "example.run()\n"},
		Good:        Example{Manifest: "[permissions.example]\nversion = \"^2\"\nreason = \"Shows how it is done now.\"\n", Lua: "example.run()\n"},
	},
	{
		ID: "missing-reason", Severity: Warning, Exception: true,
		Title:       "a reason says nothing",
		Explanation: fmt.Sprintf("Whoever decides about a mod reads its reasons. One of fewer than %d letters, or that repeats the capability's name, is none. A manifest without a reason is refused anyway.", leastReason),
		Bad:         Example{Manifest: "[permissions.storage]\nreason = \"storage\"\n", Lua: "print(storage.get(\"score\"))\n"},
		Good:        Example{Manifest: storageAsked, Lua: "print(storage.get(\"score\"))\n"},
	},
	{
		ID: "wide-request", Severity: Warning, Exception: true,
		Title:       "a request names nearly everything",
		Explanation: "`*`, or all hosts below a domain of one label, is no limit. What a mod reaches should be named, so that it can be judged. Of domains under which anybody can register, such as `*.co.uk`, the rule knows nothing.",
		Bad:         Example{Manifest: fmt.Sprintf(httpAsked, "*.com"), Lua: "print(http.get(\"https://scores.example.com/\"))\n"},
		Good:        Example{Manifest: fmt.Sprintf(httpAsked, "scores.example.com"), Lua: "print(http.get(\"https://scores.example.com/\"))\n"},
	},
	{
		ID: "limits-above-need", Severity: Warning, Exception: true,
		Title: "far more is asked for than was needed",
		Explanation: fmt.Sprintf("The manifest asks for more than %d times the memory that a measured run took at its peak, or, for one call, of the instructions that all calls of that run took together. "+
			"It is looked at only with a report of such a run: `modrunner run --json mods >report.json`, then `modrunner check --measured report.json mods`.", aboveNeed),
		Bad: Example{Manifest: "[limits]\nmemory = \"32MiB\"\n", Lua: "print(\"hello\")\n",
			Measured: &Measured{Memory: 200 << 10, Instructions: 1000}},
		Good: Example{Manifest: "[limits]\nmemory = \"512KiB\"\n", Lua: "print(\"hello\")\n",
			Measured: &Measured{Memory: 200 << 10, Instructions: 1000}},
	},
	{
		ID: "unknown-function", Severity: Error, Exception: true,
		Title: "a function is called that there is not",
		Explanation: "A function of the library, or of a capability that the mod asks for, is misspelt, is of another version, or is not in a sandbox (`os.execute`, `string.dump`). Calling it is an error when that code runs. " +
			"Where it is not called but passed on, it is a warning; where the mod looks whether it is there (`table.unpack or unpack`), or defines it itself, nothing is reported. Functions of capabilities are known from the API document alone.",
		Bad:  Example{Manifest: storageAsked, Lua: "print(storage.gett(\"score\"))\n"},
		Good: Example{Manifest: storageAsked, Lua: "print(storage.get(\"score\"))\n"},
	},
	{
		ID: "wrong-arity", Severity: Error, Exception: true, NeedsAPI: true,
		Title:       "a function of the host gets too few arguments, or too many",
		Explanation: "Too few are an error when that code runs. What is too many is dropped, and a warning. Calls whose last argument may have several values are counted without it.",
		Bad:         Example{Manifest: storageAsked, Lua: "print(storage.get())\n"},
		Good:        Example{Manifest: storageAsked, Lua: "print(storage.get(\"score\"))\n"},
	},
	{
		ID: "wrong-argument-type", Severity: Error, Exception: true, NeedsAPI: true,
		Title:       "a function of the host gets a constant of the wrong type",
		Explanation: "It is an error when that code runs. Only constants are looked at, and calls with `:`, which pass the capability's table itself. Nothing is converted: `\"1\"` is no number, and 1 no string.",
		Bad:         Example{Manifest: storageAsked, Lua: "storage.set(1, \"score\")\n"},
		Good:        Example{Manifest: storageAsked, Lua: "storage.set(\"score\", 1)\n"},
	},
	{
		ID: "unknown-global", Severity: Warning, Exception: true,
		Title: "a global is read that nobody defines",
		Explanation: "It is nil: a misspelt name, a function of another engine, or one that no sandbox has, such as `io`. A global that the mod only looks for (`if jit then`), or gives a value in any of its files, is not reported; " +
			"nor is any, if globals are written in a way that cannot be followed. If the manifest names `[libraries]` it is a note.",
		Bad:  Example{Lua: "prnt(\"hello\")\n"},
		Good: Example{Lua: "print(\"hello\")\n"},
	},
	{
		ID: "missing-module", Severity: Error, Exception: true,
		Title:       "a module is required that is not in the mod",
		Explanation: "`require` finds the mod's own files, by names with dots, the libraries that the manifest names, and Lua's own. A module that the mod can do without is required with `pcall(require, \"name\")`, and not reported.",
		Bad:         Example{Lua: "print(require(\"lib.names\"))\n"},
		Good:        Example{Lua: "print(require(\"lib.names\"))\n", Files: map[string]string{"lib/names.lua": "return 1\n"}},
	},
	{
		ID: "library-require", Severity: Error, Exception: true,
		Title:       "a library requires a file by a name that is not its own",
		Explanation: "A library is copied into the mods that name it: there, a name that does not begin with the library's id is a file of that mod, and what it returns is not what the library expects.",
		Bad:         Example{Manifest: "library = true\n", Lua: "return require(\"part\")\n", Files: map[string]string{"part.lua": "return {}\n"}},
		Good:        Example{Manifest: "library = true\n", Lua: "return require(\"com.example.mod.part\")\n", Files: map[string]string{"part.lua": "return {}\n"}},
	},
	{
		ID: "endless-loop", Severity: Error, Exception: true,
		Title: "a loop that cannot end",
		Explanation: fmt.Sprintf("Its condition is constant (`while true`, `repeat until false`, `for i = 1, math.huge` or to more than %g, a label with a `goto` back to it), and nothing in it breaks, returns, jumps out, raises an error, or gives way to others (`coroutine.yield`, host functions that wait). "+
			"Calls are followed through local functions and through `pcall`, which lets no error out; a function that nobody can tell counts as one that may end the loop. Such a loop ends when the budget does.", longest),
		Bad:  Example{Lua: "local n = 0\nwhile true do n = n + 1 end\n"},
		Good: Example{Lua: "local n = 0\nwhile true do\n  n = n + 1\n  if n == 10 then break end\nend\n"},
	},
	{
		ID: "syntax", Severity: Error,
		Title:       "a file is no Lua",
		Explanation: "What cannot be read cannot be checked, and cannot be run. A text that is too large or too deeply nested for the sandbox is meant, too.",
		Bad:         Example{Lua: "local = 1\n"},
		Good:        Example{Lua: "local one = 1\nprint(one)\n"},
	},
	{
		ID: "code-from-string", Severity: Error, Exception: true,
		Title:       "code is made of a string",
		Explanation: "`load` and `loadstring`, also under another name. What they make of a string that the mod computes, no review can tell; of a constant string it is a warning. The sandbox holds such code like any other.",
		Bad:         Example{Lua: "local function run(text) return loadstring(text)() end\nreturn { start = function() run(\"return \" .. tostring(1)) end }\n"},
		Good:        Example{Lua: "local operations = { add = function(a, b) return a + b end }\nreturn { start = function() print(operations.add(1, 2)) end }\n"},
	},
	{
		ID: "obfuscation", Severity: Warning, Exception: true,
		Title: "the text is written so that nobody can read it",
		Explanation: fmt.Sprintf("Signs, each with its threshold: a string of which at least %d bytes, and half, are written as numbers (`\\108\\111`); a string of at least %d bytes that is nothing but letters and digits as base64 and hexadecimal have them; "+
			"`string.char` with %d constants, or %d calls of it with constants in one file; more than %d names and keywords on one line; %d or more names made of `l`, `I`, `O`, `1`, `0` and `_`, or beginning with `_0x`. "+
			"None of them proves anything. Data belongs into files that the capability `assets` reads.", leastEscapes, leastEncoded, mostChars, mostCharCalls, mostWords, leastOdd),
		Bad:  Example{Lua: "print(\"" + strings.Repeat(`\104\105`, leastEscapes/2) + "\")\n"},
		Good: Example{Lua: "print((\"hi\"):rep(" + fmt.Sprint(leastEscapes/2) + "))\n"},
	},
	{
		ID: "invisible-characters", Severity: Error,
		Title: "characters that make the text look other than it is",
		Explanation: "Characters that turn the direction of what follows them (U+202A to U+202E, U+2066 to U+2069) show a reader another program than the one that runs, and are an error anywhere in a file, in comments and in the manifest too. " +
			"Other characters that are not seen are a warning; the joiners that scripts and emoji are written with are well. In a string they can be written as numbers.",
		Bad:  Example{Lua: "-- \u202e ereh on\nprint(\"hello\")\n"},
		Good: Example{Lua: "print(\"\\226\\128\\174 ereh on\")\n"},
	},
	{
		ID: "shared-table-write", Severity: Warning, Exception: true,
		Title: "a table is written to that is not the mod's own",
		Explanation: "A function of the library is replaced or added (`string.trim = ...`, `print = ...`), a capability's table is written to, or the globals, a library or strings get other metatables. Other mods never see that; the mod's other files, and libraries in it, do. " +
			"It is how a check is made to see other values than what is used.",
		Bad:  Example{Lua: "function string.trim(s) return s:match(\"^%s*(.-)%s*$\") end\n"},
		Good: Example{Lua: "local text = {}\nfunction text.trim(s) return s:match(\"^%s*(.-)%s*$\") end\nprint(text.trim(\" x \"))\n"},
	},
	{
		ID: "dynamic-globals", Severity: Note, Exception: true,
		Title:       "globals are reached in a way that cannot be followed",
		Explanation: "`_G[name]` with a computed name, `_G` as a table like others, `getfenv` and `setfenv`. What the mod uses of what it may have, nobody can tell then, and other rules say less.",
		Bad:         Example{Lua: "local function look(name) return _G[name] end\nprint(look(\"x\"))\n"},
		Good:        Example{Lua: "local known = { x = 1 }\nlocal function look(name) return known[name] end\nprint(look(\"x\"))\n"},
	},
	{
		ID: "global-write", Severity: Note, Exception: true,
		Title:       "the mod writes a global",
		Explanation: "Often `local` was forgotten. Two files that use one name by accident change each other's values.",
		Bad:         Example{Lua: "score = 1\nprint(score)\n"},
		Good:        Example{Lua: "local score = 1\nprint(score)\n"},
	},
	{
		ID: "unused-file", Severity: Note, Exception: true,
		Title:       "a Lua file is in the mod that nothing runs",
		Explanation: "No file that runs requires it by a constant name. If modules are required by computed names, or code is made of strings, nobody can tell, and nothing is reported.",
		Bad:         Example{Lua: "print(\"hello\")\n", Files: map[string]string{"old.lua": "return 1\n"}},
		Good:        Example{Lua: "print(require(\"new\"))\n", Files: map[string]string{"new.lua": "return 1\n"}},
	},
	{
		ID: "unused-exception", Severity: Warning,
		Title:       "an exception means nothing",
		Explanation: "`[exceptions]` names a rule that there is not, or of which no exception can be made; or, as a note, one that finds nothing.",
		Bad:         Example{Manifest: "[exceptions]\nendles-loop = \"it is a server\"\n", Lua: "print(\"hello\")\n"},
		Good:        Example{Lua: "print(\"hello\")\n"},
	},
}
