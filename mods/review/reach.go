package review

import (
	"cmp"
	"strings"

	"github.com/luasandbox/modrunner/limits"
)

// fixed says what the capabilities let a mod do that have no options.
var fixed = map[string]string{
	"assets": "read the files that it came with",
	"clock":  "read the time of day and of the game",
	"config": "read what the player chose in its settings",
	"i18n":   "read the player's language and its own translations",
	"json":   "read and write JSON",
	"log":    "write lines into the log",
	"random": "draw random numbers",
	"task":   "wait for time and events",
	"timer":  "have itself called later",
}

// reach says in words what a permission lets the mod read, write, reach and spend.
func reach(p Permission) []string {
	lines := reachOf(p)
	if p.Sensitive {
		lines = append(lines, "have each of its calls put on record by the host")
	}
	return lines
}

func reachOf(p Permission) []string {
	if p.Known && p.foreign() {
		return generic(p)
	}
	most := func(option, otherwise string) string {
		return cmp.Or(valueText(p, option, p.Options[option]), otherwise)
	}
	usual := func(option string) string {
		if n, ok := p.usual(option); ok {
			return valueText(p, option, int64(n))
		}
		return "what the host gives"
	}
	switch p.Capability {
	case "http":
		return web(p)
	case "files":
		return []string{"write files in a folder of its own: up to " + most("quota", usual("quota")) + " in " + most("max_files", usual("max_files")) + " files"}
	case "storage":
		return []string{"keep values from session to session: up to " + most("quota", usual("quota"))}
	case "events":
		return both(p, "hear the events ", "subscribe", "send the events ", "emit", "hear and send no events")
	case "services":
		return both(p, "call functions of other mods: ", "use", "offer functions to other mods: ", "export", "call and offer no functions")
	}
	if text := fixed[p.Capability]; text != "" {
		return []string{text}
	}
	return generic(p)
}

// foreign reports whether a capability with the name of one of ours has other options.
func (p Permission) foreign() bool {
	for option, kind := range meanings[p.Capability] {
		if kind != unknown && meaningOf(p, option) == unknown {
			return true
		}
	}
	return false
}

func both(p Permission, first, a, second, b, neither string) (out []string) {
	for _, l := range []struct{ words, option string }{{first, a}, {second, b}} {
		if items := p.texts(l.option); len(items) > 0 {
			out = append(out, l.words+some(items, 12))
		}
	}
	if out == nil {
		out = []string{neither}
	}
	return out
}

func web(p Permission) []string {
	methods := p.texts("methods")
	if len(methods) == 0 {
		methods = []string{"GET"}
	}
	at := "no host"
	if hosts := p.texts("hosts"); len(hosts) > 0 {
		at = some(hosts, 8)
	}
	where := "every path"
	if paths := p.texts("paths"); len(paths) > 0 {
		where = "paths below " + some(paths, 6)
	}
	out := []string{"reach " + at + " with " + strings.Join(methods, ", ") + ": " + where}
	if headers := p.texts("headers"); len(headers) > 0 {
		out = append(out, "send the headers "+some(headers, 8))
	}
	if len(plainHTTP(&Review{Permissions: []Permission{p}})) > 0 {
		out = append(out, "do so without encryption")
	}
	return out
}

// generic is for an engine's own capability: what the engine says of it, and the
// options as they are.
func generic(p Permission) []string {
	first := "nobody knows what"
	switch {
	case p.Doc != "":
		first = strings.TrimSuffix(p.Doc, ".")
	case p.Known:
		first = "the engine does not say what"
	}
	out := []string{first}
	for _, name := range p.names() {
		if name != "version" || len(p.Options) > 1 {
			out = append(out, name+" = "+valueText(p, name, p.Options[name]))
		}
	}
	return out
}

// limitsText lists the limits that are asked for.
func limitsText(l limits.Limits) (out []string) {
	for _, k := range limits.Kinds() {
		if text := limitText(k, l.Of(k)); text != "" {
			out = append(out, limitWord(k)+" "+text)
		}
	}
	return out
}
