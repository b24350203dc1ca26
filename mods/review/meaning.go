package review

import (
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/limits"
)

// meaning says what a change of an option's value gives to a mod. Of what has none,
// any change is more.
type meaning int

const (
	unknown  meaning = iota
	amount           // the larger, the more
	names            // each name is more; none is nothing
	methods          // names; none is GET
	hosts            // names; "*.x" has in it what is below x
	prefixes         // paths; each has in it what is below; none is everything
	consent          // true is more
	taste            // nothing is more than anything else
)

// meanings are those of the capabilities that this project has, by capability and
// option. Engines' own are not known: a larger number may well be less there.
var meanings = map[string]map[string]meaning{
	"http":     {"hosts": hosts, "methods": methods, "paths": prefixes, "headers": names, "plain_http": consent},
	"files":    {"quota": amount, "max_files": amount},
	"storage":  {"quota": amount},
	"events":   {"emit": names, "subscribe": names},
	"services": {"export": names, "use": names},
	"i18n":     {"default": taste},
}

// optionTypes are the types that an option has, as mods.OptionType, for what it means
// to be known: an engine may have a capability of the same name.
var optionTypes = map[meaning][]string{
	amount: {"count", "size"}, names: {"texts"}, methods: {"texts"}, hosts: {"texts"}, prefixes: {"texts"}, consent: {"flag"}, taste: {"text"},
}

// meaningOf returns what an option of a permission means.
func meaningOf(p Permission, option string) meaning {
	m := meanings[p.Capability][option]
	if len(p.Declared) > 0 {
		o, there := p.declared(option)
		if !there || !slices.Contains(optionTypes[m], o.Type) {
			return unknown
		}
	}
	return m
}

// widens reports whether after may be more than before, for an option of that
// meaning; nil is an option that is not there, and usual what then holds, or nil if
// that is not known. It is true unless after is surely no more.
func (m meaning) widens(before, after, usual any) bool {
	switch m {
	case taste:
		return false
	case amount:
		a, ok := number(orUsual(before, usual))
		b, ok2 := number(orUsual(after, usual))
		return !ok || !ok2 || b > a
	case consent:
		a, ok := truth(before)
		b, ok2 := truth(after)
		return !ok || !ok2 || b && !a
	case names, methods, hosts, prefixes:
		a, ok := list(before)
		b, ok2 := list(after)
		return !ok || !ok2 || m.listWidens(a, b)
	}
	return true
}

func (m meaning) listWidens(before, after []string) bool {
	covers := func(a, b string) bool { return a == b }
	switch m {
	case methods:
		if len(before) == 0 {
			before = []string{"GET"}
		}
		if len(after) == 0 {
			after = []string{"GET"}
		}
	case hosts:
		covers = hostCovers
	case prefixes:
		if len(before) == 0 || len(after) == 0 {
			return len(before) > 0
		}
		covers = pathCovers
	}
	for _, b := range after {
		if !slices.ContainsFunc(before, func(a string) bool { return covers(a, b) }) {
			return true
		}
	}
	return false
}

// hostCovers reports whether all that b means is meant by a, as package web reads
// hosts: "*.example.org" is what is below example.org, and a port is that port alone.
func hostCovers(a, b string) bool {
	if a == b {
		return true
	}
	above, ok := strings.CutPrefix(a, "*.")
	below := strings.TrimPrefix(b, "*.")
	return ok && (strings.HasSuffix(below, "."+above) || strings.HasPrefix(b, "*.") && below == above)
}

// pathCovers reports whether all that b means is surely meant by a: "/v1" is /v1 and
// what is below it, "/v1/" what is below only.
func pathCovers(a, b string) bool {
	rest, ok := strings.CutPrefix(b, a)
	switch {
	case a == b:
		return true
	case !ok || !strings.HasPrefix(a, "/") || strings.Contains(b, "%") || strings.Contains(b, ".."):
		return false
	}
	return strings.HasPrefix(rest, "/") || strings.HasSuffix(a, "/")
}

func orUsual(value, usual any) any {
	if value == nil {
		return usual
	}
	return value
}

// number reads a count or a size.
func number(value any) (float64, bool) {
	switch v := value.(type) {
	case int64:
		return float64(v), v >= 0
	case float64:
		return v, v >= 0
	case string:
		n, err := limits.ParseSize(v)
		return float64(n), err == nil
	}
	return 0, false
}

// truth reads a flag; one that is not there is false.
func truth(value any) (bool, bool) {
	if value == nil {
		return false, true
	}
	v, ok := value.(bool)
	return v, ok
}

// list reads a list of texts; one that is not there is empty.
func list(value any) ([]string, bool) {
	switch v := value.(type) {
	case nil:
		return nil, true
	case []string:
		return v, true
	case []any: // as JSON has it
		out := make([]string, 0, len(v))
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				return nil, false
			}
			out = append(out, text)
		}
		return out, true
	}
	return nil, false
}
