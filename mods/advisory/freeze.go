package advisory

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/internal/safetoml"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/trust"
)

// Freeze stops mods: those of an id, those with a digest, or those that a key signed.
type Freeze struct {
	Name string // in the file; "" to get a number when it is written

	// One of these is set. Versions, with ID, is the range that is stopped, prereleases
	// included; the zero Range is every version.
	ID       string
	Versions manifest.Range
	Digest   string
	Key      string

	Reason string
	By     string
	At     time.Time // in UTC, in whole seconds
}

// String says what is stopped, why, by whom and when.
func (f Freeze) String() string {
	what := f.Digest
	switch {
	case f.ID != "":
		what = strings.TrimSpace(f.ID + " " + f.Versions.Text)
	case f.Key != "":
		what = "what the key " + f.Key + " signed"
	}
	return fmt.Sprintf("%s: %s (%s, %s)", what, f.Reason, f.By, f.At.UTC().Format(time.RFC3339))
}

// matches reports whether the freeze stops a bundle.
func (f Freeze) matches(id, version, digest string, keys []string) bool {
	switch {
	case f.Digest != "":
		return f.Digest == digest
	case f.Key != "":
		return slices.Contains(keys, f.Key)
	case f.ID == "" || f.ID != id:
		return false
	case f.Versions.Constraints == nil:
		return true
	}
	v, err := semver.StrictNewVersion(version)
	if err != nil {
		return true // nobody can say that it is another version
	}
	all := *f.Versions.Constraints
	all.IncludePrerelease = true
	return all.Check(v)
}

// Freezes are what an operator has stopped. The zero Freezes stop nothing, nor do nil
// ones. They may be read by several goroutines.
type Freezes struct {
	List []Freeze
}

// Match returns the freezes that stop a bundle. Keys are the ids of all keys that it is
// signed with, those too that nobody trusts.
func (f *Freezes) Match(id, version, digest string, keys []string) []Freeze {
	if f == nil {
		return nil
	}
	var out []Freeze
	for _, freeze := range f.List {
		if freeze.matches(id, version, digest, keys) {
			out = append(out, freeze)
		}
	}
	return out
}

// Reasons returns freezes in words, as a policy.Request has them.
func Reasons(freezes []Freeze) []string {
	var out []string
	for _, f := range freezes {
		out = append(out, f.String())
	}
	return out
}

const (
	freezesFormat = 1
	maxFreezes    = 5000
)

var freezeBounds = safetoml.Bounds{Bytes: 1 << 20, Depth: 4, KeyBytes: 64, Entries: 50_000}

type (
	freezesForm struct {
		Format  int64                 `toml:"format"`
		Freezes map[string]freezeForm `toml:"freezes"`
	}
	freezeForm struct {
		ID       *string `toml:"id"`
		Versions *string `toml:"versions"`
		Digest   *string `toml:"digest"`
		Key      *string `toml:"key"`
		Reason   string  `toml:"reason"`
		By       string  `toml:"by"`
		At       string  `toml:"at"`
	}
)

// ParseFreezes reads a list of at most 1 MiB. An empty text is an empty list. The name of
// the file is used in errors only.
//
// Every error is a [*safetoml.Error], wrapped in a [*FreezesError]: a list that is not
// understood is not read in part.
func ParseFreezes(file string, data []byte) (*Freezes, error) {
	if strings.TrimSpace(string(data)) == "" {
		return &Freezes{}, nil
	}
	var form freezesForm
	doc, err := safetoml.Decode(file, data, freezeBounds, &form)
	if err != nil {
		return nil, freezesError(err)
	}
	switch {
	case form.Format != freezesFormat:
		return nil, freezesError(doc.Errorf([]string{"format"}, "format is %d; this program reads %d", form.Format, freezesFormat))
	case len(form.Freezes) > maxFreezes:
		return nil, freezesError(doc.Errorf([]string{"freezes"}, "%d freezes; at most %d", len(form.Freezes), maxFreezes))
	}
	out := &Freezes{}
	for _, name := range slices.SortedFunc(maps.Keys(form.Freezes), compareNames) {
		f, field, reason := form.Freezes[name].freeze(name)
		if reason != "" {
			path := []string{"freezes", name}
			if field != "" {
				path = append(path, field)
			}
			return nil, freezesError(doc.Errorf(path, "%s", reason))
		}
		out.List = append(out.List, f)
	}
	return out, nil
}

// FreezesError is a list of freezes that is not taken.
type FreezesError struct {
	Line, Column int    // from 1; 0 if it is about the file as a whole
	Key          string // the dotted path, if it is about one
	Err          error
}

// Error names the file, the place, and what is wrong.
func (e *FreezesError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *FreezesError) Unwrap() error { return e.Err }

func freezesError(err error) error {
	out := &FreezesError{Err: err}
	if e, ok := errors.AsType[*safetoml.Error](err); ok {
		out.Line, out.Column, out.Key = e.Line, e.Column, e.Key
	}
	return out
}

// compareNames orders numbers as numbers, and before words.
func compareNames(a, b string) int {
	x, errX := strconv.ParseUint(a, 10, 32)
	y, errY := strconv.ParseUint(b, 10, 32)
	switch {
	case errX == nil && errY == nil && x != y:
		return boolean(x > y) - boolean(x < y)
	case (errX == nil) != (errY == nil):
		return boolean(errX != nil) - boolean(errY != nil)
	}
	return strings.Compare(a, b)
}

// freeze checks a freeze, and returns what is wrong with which field.
func (form freezeForm) freeze(name string) (f Freeze, field, reason string) {
	f = Freeze{Name: name, Reason: form.Reason, By: form.By}
	set := 0
	for _, s := range []struct {
		name  string
		value *string
		into  *string
		check func(string) error
	}{
		{"id", form.ID, &f.ID, manifest.CheckID},
		{"digest", form.Digest, &f.Digest, checkDigest},
		{"key", form.Key, &f.Key, trust.CheckKeyID},
	} {
		if s.value == nil {
			continue
		}
		set++
		*s.into = *s.value
		if err := s.check(*s.value); err != nil {
			return f, s.name, fmt.Sprintf("%s is %q: %v", s.name, *s.value, err)
		}
	}
	if set != 1 {
		return f, "", "a freeze has one of id, digest and key"
	}
	if form.Versions != nil {
		var err error
		if f.Versions, err = manifest.ParseRange(*form.Versions); err != nil {
			return f, "versions", fmt.Sprintf("versions is %q: %v", *form.Versions, err)
		}
		if f.ID == "" {
			return f, "versions", "versions go with an id"
		}
	}
	for _, text := range []struct{ name, value string }{{"reason", f.Reason}, {"by", f.By}} {
		if message := checkLine(text.value); message != "" {
			return f, text.name, text.name + " " + message
		}
	}
	at, err := time.Parse(time.RFC3339, form.At)
	if err != nil || at.UTC().Format(time.RFC3339) != form.At {
		return f, "at", fmt.Sprintf("at is %q; want a time such as \"2026-03-01T12:00:00Z\"", form.At)
	}
	f.At = at.UTC()
	if message := checkLine(name); message != "" {
		return f, "", "the name of a freeze " + message
	}
	return f, "", ""
}

func checkDigest(text string) error {
	if whole, err := bundle.ParseDigest(text); err != nil {
		return err
	} else if whole != text {
		return fmt.Errorf("want the form %q", whole)
	}
	return nil
}

// checkLine returns what is wrong with a text that is one line of a person, or "".
func checkLine(text string) string {
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return "is missing"
	case n > maxLine:
		return fmt.Sprintf("has %d characters; at most %d", n, maxLine)
	}
	for _, c := range text {
		if !unicode.IsPrint(c) {
			return fmt.Sprintf("has the character %U, which cannot be seen", c)
		}
	}
	return ""
}

// FormatFreezes writes a list in its one form, which ParseFreezes reads. A freeze without
// a name gets the next free number. The error, a [*FreezesError], is that of ParseFreezes,
// which would not read such a list.
func FormatFreezes(f *Freezes) ([]byte, error) {
	var b strings.Builder
	b.WriteString("# What the operator of this installation has stopped, whatever a policy says.\n")
	fmt.Fprintf(&b, "format = %d\n", freezesFormat)
	if f != nil {
		for _, freeze := range named(f.List) {
			fmt.Fprintf(&b, "\n[freezes.%s]\n", safetoml.Dotted([]string{freeze.Name}))
			for _, line := range []struct{ key, text string }{
				{"id", freeze.ID}, {"versions", freeze.Versions.Text}, {"digest", freeze.Digest}, {"key", freeze.Key},
				{"reason", freeze.Reason}, {"by", freeze.By}, {"at", freeze.At.UTC().Format(time.RFC3339)},
			} {
				if line.text != "" {
					fmt.Fprintf(&b, "%s = %s\n", line.key, quoted(line.text))
				}
			}
		}
	}
	text := []byte(b.String())
	if _, err := ParseFreezes("freezes.toml", text); err != nil {
		return nil, err
	}
	return text, nil
}

// named returns the freezes in the order of their names, which all have.
func named(list []Freeze) []Freeze {
	out := slices.Clone(list)
	taken := map[string]bool{}
	for _, f := range out {
		taken[f.Name] = true
	}
	next := 1
	for i := range out {
		for ; out[i].Name == "" && taken[strconv.Itoa(next)]; next++ {
		}
		if out[i].Name == "" {
			out[i].Name = strconv.Itoa(next)
			taken[out[i].Name] = true
		}
	}
	slices.SortStableFunc(out, func(a, b Freeze) int { return compareNames(a.Name, b.Name) })
	return out
}

// quoted writes a TOML string of a text without what cannot be seen.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
