package manifest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/internal/safetoml"
)

// maxProblems is how many problems are told; more help nobody.
const maxProblems = 50

// reader fills a manifest from the decoded TOML, and collects what is wrong.
// What it recurses on is bounded by scan.
type reader struct {
	src      source
	out      *safetoml.Outline
	man      *Manifest
	problems []*Problem
	omitted  int
}

func (r *reader) problem(kind Kind, path []string, at safetoml.Span, message string) *Problem {
	p := r.src.problem(kind, at, safetoml.Dotted(path), message)
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, p)
	} else {
		r.omitted++
	}
	return p
}

// add reports a problem at a key.
func (r *reader) add(kind Kind, path []string, format string, args ...any) *Problem {
	return r.problem(kind, path, r.out.At(path), fmt.Sprintf(format, args...))
}

// addValue reports a bad value at the value, and names the key.
func (r *reader) addValue(path []string, message string) {
	at := r.out.At(path)
	if entry, ok := r.out.Entry(path); ok && entry.Value.End > 0 {
		at = entry.Value
	}
	r.problem(BadValue, path, at, safetoml.Dotted(path)+": "+message)
}

func (r *reader) wrongType(path []string, value any, want string) {
	r.add(WrongType, path, "%s must be %s, not %s", safetoml.Dotted(path), want, typeName(value))
}

func (r *reader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Error{Problems: r.problems, Omitted: r.omitted}
}

// keys returns the keys of a table in the order of the text.
func (r *reader) keys(path []string, table map[string]any) []string {
	keys := make([]string, 0, len(table))
	for key := range table {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(r.out.At(under(path, a)).Start, r.out.At(under(path, b)).Start), cmp.Compare(a, b))
	})
	return keys
}

func under(path []string, name string) []string { return append(slices.Clone(path), name) }

func (r *reader) root(root map[string]any) {
	var names []string
	for _, s := range sections {
		names = append(names, s.key)
	}
	for _, key := range r.keys(nil, root) {
		if !slices.Contains(names, key) {
			r.unknownRoot(key, root[key], names)
		}
	}
	for _, s := range sections {
		value, there := root[s.key]
		table, isTable := value.(map[string]any)
		path := []string{s.key}
		switch {
		case !there && s.required:
			r.add(Missing, path, "the section [%s] is missing", s.key)
		case !there:
		case !isTable:
			r.wrongType(path, value, "a table")
		case s.rows != nil:
			r.rows(path, table, s.rows)
		default:
			r.fields(path, table, s.fields)
		}
	}
	r.finish()
}

// unknownRoot also helps those who forgot a section's header.
func (r *reader) unknownRoot(key string, value any, names []string) {
	path := []string{key}
	if _, isTable := value.(map[string]any); isTable {
		r.add(UnknownKey, path, "unknown section [%s]", safetoml.Dotted(path)).Suggestion = Nearest(key, names)
		return
	}
	for _, s := range sections {
		if slices.ContainsFunc(s.fields, func(f field) bool { return f.key == key }) {
			r.add(UnknownKey, path, "%q stands before any section; it belongs under [%s]", key, s.key)
			return
		}
	}
	r.add(UnknownKey, path, "unknown key %q before any section", key).Suggestion = Nearest(key, names)
}

func (r *reader) fields(path []string, table map[string]any, fields []field) {
	var names []string
	for _, f := range fields {
		names = append(names, f.key)
	}
	for _, key := range r.keys(path, table) {
		if !slices.Contains(names, key) {
			at := under(path, key)
			r.add(UnknownKey, at, "unknown key %q in [%s]", key, safetoml.Dotted(path)).Suggestion = Nearest(key, names)
		}
	}
	for _, f := range fields {
		at := under(path, f.key)
		value, there := table[f.key]
		if !there {
			if f.required {
				r.add(Missing, at, "[%s] has no %q; %s, such as %s", safetoml.Dotted(path), f.key, f.want(), f.example)
			}
			continue
		}
		if value, ok := r.value(at, value, f); ok {
			if err := f.store(r.man, value); err != nil {
				r.addValue(at, err.Error())
			}
		}
	}
}

// want says what the value of a field is.
func (f field) want() string {
	switch f.typ {
	case listField:
		return "an array of strings"
	case countField:
		return "a whole number from 1"
	case sizeField:
		return sizeForm
	case timeField:
		return timeForm
	case flagField:
		return "true or false"
	}
	return "a string"
}

// value gives a value the type that the field's store wants.
func (r *reader) value(path []string, value any, f field) (any, bool) {
	switch f.typ {
	case textField:
		text, ok := value.(string)
		if !ok {
			r.wrongType(path, value, f.want())
			return nil, false
		}
		if message := checkText(text, f); message != "" {
			r.addValue(path, message)
			return nil, false
		}
		return text, true
	case listField:
		return r.list(path, value, f)
	case flagField:
		if _, ok := value.(bool); !ok {
			r.wrongType(path, value, f.want())
			return nil, false
		}
		return value, true
	}
	n, kind, message := number(value, f)
	switch kind {
	case WrongType:
		r.wrongType(path, value, f.want())
	case BadValue:
		r.addValue(path, message)
	}
	return n, kind == ""
}

// number reads the number of a countField, sizeField or timeField. The kind is
// "" if it is good.
func number(value any, f field) (n any, kind Kind, message string) {
	text, isText := value.(string)
	whole, isWhole := value.(int64)
	switch {
	case f.typ == timeField && isText:
		d, err := time.ParseDuration(text)
		switch {
		case err != nil || !timePattern.MatchString(text):
			return nil, BadValue, "not " + timeForm
		case d <= 0 || d > maxTime:
			return nil, BadValue, fmt.Sprintf("must be more than 0 and at most %v; leave it out to ask for nothing", maxTime)
		}
		return d, "", ""
	case f.typ == sizeField && isText:
		size, err := limits.ParseSize(text)
		if err != nil || !sizePattern.MatchString(text) {
			return nil, BadValue, "not " + sizeForm
		}
		whole = size
	case f.typ == timeField || !isWhole:
		return nil, WrongType, ""
	}
	if whole < 1 || whole > maxCount {
		return nil, BadValue, fmt.Sprintf("must be from 1 to %d; leave it out to ask for nothing", int64(maxCount))
	}
	return whole, "", ""
}

func (r *reader) list(path []string, value any, f field) (any, bool) {
	items, ok := value.([]any)
	if !ok {
		r.wrongType(path, value, f.want())
		return nil, false
	}
	if len(items) > f.maxItems {
		r.addValue(path, fmt.Sprintf("%d items; at most %d", len(items), f.maxItems))
		return nil, false
	}
	texts := make([]string, 0, len(items))
	for i, item := range items {
		at := under(path, strconv.Itoa(i))
		text, ok := item.(string)
		if !ok {
			r.wrongType(at, item, "a string")
			continue
		}
		if message := checkText(text, f); message != "" {
			r.addValue(at, message)
			continue
		}
		texts = append(texts, text)
	}
	return texts, len(texts) == len(items)
}

// checkText returns what is wrong with a text, or "".
func checkText(text string, f field) string {
	count := utf8.RuneCountInString(text)
	switch {
	case count < f.min && count == 0:
		return "must not be empty"
	case count < f.min:
		return fmt.Sprintf("%d characters; at least %d", count, f.min)
	case count > f.max:
		return fmt.Sprintf("%d characters; at most %d", count, f.max)
	}
	for _, c := range text {
		if !unicode.IsPrint(c) && !(f.multiline && (c == '\n' || c == '\t' || c == '\r')) {
			return fmt.Sprintf("the character %U is not allowed; it cannot be seen or changes how text is shown", c)
		}
	}
	if !f.multiline && strings.TrimSpace(text) != text {
		return "begins or ends with a space"
	}
	if f.pattern != nil && !f.pattern.MatchString(text) {
		return "must be " + f.form
	}
	return ""
}

func (r *reader) rows(path []string, table map[string]any, rows *rows) {
	if len(table) > rows.max {
		r.add(TooComplex, path, "[%s] has %d entries; at most %d", safetoml.Dotted(path), len(table), rows.max)
		return
	}
	for _, name := range r.keys(path, table) {
		at := under(path, name)
		if inner, ok := table[name].(map[string]any); ok {
			if whole := r.unquoted(at, inner, rows); whole != "" && rows.dotted() {
				r.add(WrongType, at, "a %s with dots is written in quotes: %s.%q", rows.noun, safetoml.Dotted(path), whole)
				continue
			}
		}
		if len(name) > 64 || !rows.name.MatchString(name) {
			r.add(BadValue, at, "%q is not a %s: at most 64 characters, %s", name, rows.noun, rows.form)
			continue
		}
		rows.read(r, at, name, table[name])
	}
}

// dotted reports whether a name can have dots.
func (s *rows) dotted() bool { return s.name.MatchString("a.a") }

// unquoted recognizes com.example.base = "1" and [permissions.net.http], in
// which TOML sees tables inside tables, and returns the name that was meant.
func (r *reader) unquoted(path []string, table map[string]any, rows *rows) string {
	if entry, _ := r.out.Entry(path); entry.Explicit && !rows.tables {
		return "" // name = { ... }
	}
	// A permission is itself a table, so only a table in it tells.
	deepest := ""
	for len(path) <= bounds.Depth {
		var name string
		for _, key := range r.keys(path, table) {
			_, isTable := table[key].(map[string]any)
			_, isText := table[key].(string)
			if isTable || isText && !rows.tables {
				name = key
				break
			}
		}
		if name == "" {
			return deepest
		}
		path = under(path, name)
		deepest = strings.Join(path[1:], ".")
		inner, isTable := table[name].(map[string]any)
		if !isTable {
			return deepest
		}
		table = inner
	}
	return deepest
}

func (r *reader) permission(path []string, name string, value any) {
	table, ok := value.(map[string]any)
	if !ok {
		r.add(WrongType, path, `%s must be a table with a reason, not %s: %s = { reason = "..." }`, safetoml.Dotted(path), typeName(value), safetoml.Dotted([]string{name}))
		return
	}
	p := Permission{Name: name, Options: map[string]any{}}
	options := len(table)
	for _, own := range []string{"reason", "optional"} {
		if _, there := table[own]; there {
			options--
		}
	}
	if options > maxOptions {
		r.add(TooComplex, path, "%s has %d options; at most %d", safetoml.Dotted(path), options, maxOptions)
		return
	}
	reason, there := table["reason"]
	if there {
		rule := field{min: 1, max: maxReason}
		if text, ok := r.value(under(path, "reason"), reason, rule); ok {
			p.Reason = text.(string)
		}
	}
	misspelt := false
	for _, key := range r.keys(path, table) {
		at := under(path, key)
		switch {
		case key == "reason":
		case key == "optional":
			if value, ok := r.value(at, table[key], field{typ: flagField}); ok {
				p.Optional = value.(bool)
			}
		case !there && Nearest(key, []string{"reason"}) != "":
			misspelt = true
			r.add(UnknownKey, at, "unknown key %q in [%s]", key, safetoml.Dotted(path)).Suggestion = "reason"
		case len(key) > 64 || !optionPattern.MatchString(key):
			r.add(BadValue, at, "%q is not the name of an option: small letters, digits and '_'", key)
		default:
			if r.option(at, table[key]) {
				p.Options[key] = table[key]
			}
		}
	}
	if !there && !misspelt {
		r.add(Missing, path, `%s has no "reason"; say in a few words why the mod wants it`, safetoml.Dotted(path))
	}
	r.man.Permissions = append(r.man.Permissions, p)
}

func (r *reader) exception(path []string, name string, value any) {
	if text, ok := r.value(path, value, field{min: 1, max: maxReason}); ok {
		if r.man.Exceptions == nil {
			r.man.Exceptions = map[string]string{}
		}
		r.man.Exceptions[name] = text.(string)
	}
}

// option checks that a value is a scalar or an array of scalars.
func (r *reader) option(path []string, value any) bool {
	items, isList := value.([]any)
	if !isList {
		return r.scalar(path, value)
	}
	if len(items) > maxOptionItems {
		r.addValue(path, fmt.Sprintf("%d items; at most %d", len(items), maxOptionItems))
		return false
	}
	good := true
	for i, item := range items {
		good = r.scalar(under(path, strconv.Itoa(i)), item) && good
	}
	return good
}

func (r *reader) scalar(path []string, value any) bool {
	switch v := value.(type) {
	case int64, bool:
		return true
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			r.addValue(path, "must be a finite number")
			return false
		}
		return true
	case string:
		if message := checkText(v, field{max: maxOptionText, multiline: true}); message != "" {
			r.addValue(path, message)
			return false
		}
		return true
	}
	r.wrongType(path, value, "a string, a number, a boolean or an array of these")
	return false
}

// finish checks what concerns several sections, and puts lists in order.
func (r *reader) finish() {
	m := r.man
	required := map[string]bool{}
	for _, d := range m.Dependencies {
		required[d.ID] = true
	}
	for _, list := range []struct {
		section string
		all     []Requirement
	}{
		{"optional_dependencies", m.OptionalDependencies},
		{"conflicts", m.Conflicts},
		{"libraries", m.Libraries},
		{"load_after", m.LoadAfter},
	} {
		for _, d := range list.all {
			if required[d.ID] {
				r.add(BadValue, []string{list.section, d.ID}, "%q is also under [dependencies]; a mod stands in one of them", d.ID)
			}
		}
	}
	for _, list := range [][]Requirement{m.Dependencies, m.OptionalDependencies, m.Conflicts, m.Libraries, m.LoadAfter} {
		slices.SortFunc(list, func(a, b Requirement) int { return strings.Compare(a.ID, b.ID) })
	}
	if m.Library {
		r.library()
	}
	slices.SortFunc(m.Permissions, func(a, b Permission) int { return strings.Compare(a.Name, b.Name) })
	if m.Name == "" {
		m.Name = m.ID
	}
	if m.Entry == "" {
		m.Entry = "main.lua"
	}
}

// library checks that a library asks for nothing that only a mod with a state has.
func (r *reader) library() {
	m := r.man
	for section, there := range map[string]bool{
		"permissions": len(m.Permissions) > 0, "settings": len(m.Settings) > 0, "limits": m.Limits != limits.Limits{},
		"dependencies": len(m.Dependencies) > 0, "optional_dependencies": len(m.OptionalDependencies) > 0, "load_after": len(m.LoadAfter) > 0,
	} {
		if there {
			r.add(BadValue, []string{section}, "a library has no [%s]: it is copied into mods that have their own; what it needs are other [libraries]", section)
		}
	}
}

// typeName names the type of a decoded value, with its article.
func typeName(value any) string {
	switch value.(type) {
	case string:
		return "a string"
	case int64:
		return "a whole number"
	case float64:
		return "a fractional number"
	case bool:
		return "a boolean"
	case time.Time:
		return "a date or time"
	case map[string]any:
		return "a table"
	}
	return "an array"
}
