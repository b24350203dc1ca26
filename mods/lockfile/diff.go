package lockfile

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Change is one thing in which two locks differ.
type Change struct {
	ID string // of the mod
	// What changed: "installed", "removed", "version", "digest", "asked", "publisher",
	// "keys", "source", "grant", "limit", "dependency" or "library".
	What     string
	Of       string // the capability, limit, dependency or library
	Old, New string // "" if it was, or is, not there
}

// String says it in words.
func (c Change) String() string {
	what := c.What
	switch c.What {
	case "installed":
		return c.ID + " " + c.New + " is installed"
	case "removed":
		return c.ID + " " + c.Old + " is gone"
	case "grant":
		switch {
		case c.Old == "":
			return c.ID + " may use " + c.Of + " " + c.New
		case c.New == "":
			return c.ID + " may not use " + c.Of + " any more"
		}
		return c.ID + " may use " + c.Of + " " + c.New + ", before " + c.Old
	case "version":
		return c.ID + " " + c.Old + " is now " + c.New
	case "digest":
		return c.ID + " has other bytes: " + c.New + ", before " + c.Old
	case "keys":
		return c.ID + " is signed by " + cmp.Or(c.New, "nobody") + ", before by " + cmp.Or(c.Old, "nobody")
	case "asked":
		return c.ID + " is asked for as " + cmp.Or(c.New, "part of others") + ", before as " + cmp.Or(c.Old, "part of others")
	}
	if c.Of != "" {
		what += " " + c.Of
	}
	return c.ID + ": the " + what + " is " + cmp.Or(c.New, "none") + ", before " + cmp.Or(c.Old, "none")
}

// Diff returns all changes from one lock to another, by the ids of the mods. A nil lock
// has no mods.
func Diff(from, to *Lock) []Change {
	d := &differ{}
	old, now := byID(from), byID(to)
	ids := maps.Clone(old)
	maps.Copy(ids, now)
	for _, d.id = range slices.Sorted(maps.Keys(ids)) {
		a, was := old[d.id]
		b, is := now[d.id]
		switch {
		case !was:
			d.note("installed", "", "", b.Version)
		case !is:
			d.note("removed", "", a.Version, "")
		default:
			d.mod(a, b)
		}
	}
	return d.changes
}

func byID(l *Lock) map[string]Mod {
	out := map[string]Mod{}
	if l != nil {
		for _, m := range l.Mods {
			out[m.ID] = m
		}
	}
	return out
}

type differ struct {
	id      string
	changes []Change
}

// note notes a change, if it is one.
func (d *differ) note(what, of, old, now string) {
	if old != now {
		d.changes = append(d.changes, Change{d.id, what, of, old, now})
	}
}

// each notes the changes of things that have names.
func (d *differ) each(what string, old, now map[string]string) {
	names := maps.Clone(old)
	maps.Copy(names, now)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d.note(what, name, old[name], now[name])
	}
}

func (d *differ) mod(a, b Mod) {
	d.note("version", "", a.Version, b.Version)
	if a.Version == b.Version { // of another version nobody expects the same bytes
		d.note("digest", "", a.Digest, b.Digest)
	}
	d.note("asked", "", asked(a), asked(b))
	d.note("publisher", "", a.Publisher, b.Publisher)
	d.note("keys", "", strings.Join(sorted(a.Keys), ", "), strings.Join(sorted(b.Keys), ", "))
	d.note("source", "", a.Source, b.Source)
	d.each("grant", grants(a), grants(b))
	d.each("limit", limitsOf(a.Limits), limitsOf(b.Limits))
	d.each("dependency", dependencies(a), dependencies(b))
	d.each("library", libraries(a), libraries(b))
}

func asked(m Mod) string {
	if !m.Asked {
		return ""
	}
	return cmp.Or(m.Range, "any version")
}

func grants(m Mod) map[string]string {
	out := map[string]string{}
	for _, g := range m.Grants {
		text, err := inline(policy.Grant{Capability: g.Capability, Options: g.Options})
		if err != nil {
			text = err.Error()
		}
		out[g.Capability] = text
	}
	return out
}

func limitsOf(l limits.Limits) map[string]string {
	out := map[string]string{}
	for _, k := range limits.Kinds() {
		switch n := l.Of(k); {
		case n == 0:
		case k == limits.Time:
			out[k.String()] = time.Duration(n).String()
		default:
			out[k.String()] = literal(n)
		}
	}
	return out
}

func dependencies(m Mod) map[string]string {
	out := map[string]string{}
	for _, d := range m.Dependencies {
		out[d.ID] = d.Version
	}
	return out
}

// libraries writes each library with all that tells it from another.
func libraries(m Mod) map[string]string {
	out := map[string]string{}
	for _, l := range m.Libraries {
		text := l.Version + " (" + l.Digest
		if len(l.Keys) > 0 {
			text += ", signed by " + strings.Join(sorted(l.Keys), ", ")
		}
		out[l.ID] = text + ")"
	}
	return out
}
