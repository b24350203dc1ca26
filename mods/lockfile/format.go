package lockfile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/internal/atomicfile"
	"github.com/luasandbox/modrunner/mods/policy"
)

const header = "# Which mods are installed, and what each was granted. modrunner writes this file;\n" +
	"# it belongs into version control, and is not edited.\n"

// Format writes a lock in its one form: sorted, each thing in its line, and whatever is
// as usual left out. What is not sorted in l is sorted in the text.
//
// The error, an [*Error], is that of [Parse], which would not read such a lock.
func (l *Lock) Format() ([]byte, error) {
	var w writer
	w.line("%sformat = %d", header, format)
	for _, m := range sortedBy(l.Mods, func(m Mod) string { return m.ID }) {
		if err := w.mod(m); err != nil {
			return nil, err
		}
	}
	text := []byte(w.String())
	if _, err := Parse(Name, text); err != nil {
		return nil, err
	}
	return text, nil
}

// Write writes a lock to a file as a whole: a crash leaves the old one or the new. The
// errors: [*Error] as of Format, and [*atomicfile.Error].
func (l *Lock) Write(path string) error {
	text, err := l.Format()
	if err != nil {
		return err
	}
	return atomicfile.Write(path, text, 0o644)
}

type writer struct{ strings.Builder }

func (w *writer) line(text string, args ...any) { fmt.Fprintf(w, text+"\n", args...) }

// known writes a text that is not empty.
func (w *writer) known(key, text string) {
	if text != "" {
		w.line("%s = %s", key, quoted(text))
	}
}

func (w *writer) mod(m Mod) error {
	table := "mods." + quoted(m.ID)
	w.line("\n[%s]", table)
	w.line("version = %s\ndigest = %s", quoted(m.Version), quoted(m.Digest))
	if m.Asked {
		w.line("asked = %s", quoted(m.Range))
	}
	w.known("publisher", m.Publisher)
	if len(m.Keys) > 0 {
		w.line("keys = %s", list(sorted(m.Keys)))
	}
	w.known("source", m.Source)
	if len(m.Grants) > 0 {
		w.line("\n[%s.grants]", table)
		for _, g := range sortedBy(m.Grants, func(g policy.Grant) string { return g.Capability }) {
			options, err := inline(g)
			if err != nil {
				return err
			}
			w.line("%s = %s", quoted(g.Capability), options)
		}
	}
	if m.Limits != (limits.Limits{}) {
		w.line("\n[%s.limits]", table)
		for _, k := range limits.Kinds() {
			switch n := m.Limits.Of(k); {
			case n == 0:
			case k == limits.Time:
				w.line("%s = %s", k, quoted(time.Duration(n).String()))
			default:
				w.line("%s = %d", k, n)
			}
		}
	}
	if len(m.Dependencies) > 0 {
		w.line("\n[%s.dependencies]", table)
		for _, d := range sortedBy(m.Dependencies, func(d Dependency) string { return d.ID }) {
			w.line("%s = %s", quoted(d.ID), quoted(d.Version))
		}
	}
	for _, lib := range sortedBy(m.Libraries, func(l Library) string { return l.ID }) {
		w.line("\n[%s.libraries.%s]", table, quoted(lib.ID))
		w.line("version = %s\ndigest = %s", quoted(lib.Version), quoted(lib.Digest))
		w.known("publisher", lib.Publisher)
		if len(lib.Keys) > 0 {
			w.line("keys = %s", list(sorted(lib.Keys)))
		}
		w.known("source", lib.Source)
		if len(lib.Libraries) > 0 {
			w.line("libraries = %s", list(sorted(lib.Libraries)))
		}
	}
	return nil
}

// inline writes the options of a grant as an inline table.
func inline(g policy.Grant) (string, error) {
	if len(g.Options) == 0 {
		return "{}", nil
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(g.Options)) {
		value, message := option(g.Options[name])
		if message != "" {
			return "", &Error{Key: "grants", Err: fmt.Errorf("the option %q of the capability %q: %s", name, g.Capability, message)}
		}
		parts = append(parts, name+" = "+literal(value))
	}
	return "{ " + strings.Join(parts, ", ") + " }", nil
}

// literal writes what option returns.
func literal(value any) string {
	switch v := value.(type) {
	case string:
		return quoted(v)
	case []string:
		return list(v)
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = literal(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text
	}
	return fmt.Sprint(value) // bool, int64
}

func list(texts []string) string {
	items := make([]string, len(texts))
	for i, text := range texts {
		items[i] = quoted(text)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// quoted writes a TOML basic string. What cannot be seen is escaped.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case unicode.IsPrint(c):
			b.WriteRune(c)
		case c < 0x10000:
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			fmt.Fprintf(&b, `\U%08X`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func sorted(texts []string) []string { return slices.Sorted(slices.Values(texts)) }

func sortedBy[T any](list []T, key func(T) string) []T {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	return out
}
