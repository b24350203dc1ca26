// Package manifest reads mod.toml, in which a mod says who it is, what it
// wants to be allowed, how much it asks for, and which other mods it needs.
//
// [Parse] is strict: what it does not know, it refuses, with the place, the
// line and the nearest known name. It reports everything that is wrong at
// once. The author of the manifest is assumed to control every byte; time and
// memory are bounded by the size of the text, which is bounded too.
//
// A manifest is a request. What a mod gets is decided elsewhere.
//
// The keys are declared in one table, from which the parser, the JSON Schema
// for editors ([Schema]) and the documentation ([Reference]) are made.
package manifest

import (
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/internal/safetoml"
)

// Manifest is a valid manifest. It is not changed after Parse, and may be read
// by several goroutines.
type Manifest struct {
	ID          string
	Version     *semver.Version // never nil
	Name        string          // the ID, if the manifest has no name
	Description string
	Authors     []string
	License     string
	Entry       string // slash-separated path of the first Lua file
	API         Range  // zero if not stated
	// Library: the mod has no state of its own. Its files are copied into the states
	// of the mods that name it under [libraries], where they can do what those can.
	Library bool

	Permissions []Permission  // sorted by name
	Limits      limits.Limits // what it asks for; a zero field was not asked for
	Settings    []Setting     // in the order of the manifest

	Dependencies         []Requirement // sorted by ID
	OptionalDependencies []Requirement // sorted by ID
	Conflicts            []Requirement // sorted by ID
	Libraries            []Requirement // sorted by ID
	LoadAfter            []Requirement // sorted by ID

	// Exceptions are the findings of package gate that the author answers for: the id
	// of the rule, and why it is well here.
	Exceptions map[string]string

	src     source
	outline *safetoml.Outline
}

// Permission is the request for one capability.
type Permission struct {
	Name   string // of the capability
	Reason string // why the mod wants it, in the author's words
	// Optional: the mod can do without. If it is not granted, the mod is loaded all
	// the same, and its table is nil.
	Optional bool
	// Options are what else the request says. The values are string, int64,
	// float64 (finite), bool, or a []any of these; which of them mean
	// something, the capability knows.
	Options map[string]any
}

// OptionNames returns the names of the options, sorted.
func (p Permission) OptionNames() []string {
	names := make([]string, 0, len(p.Options))
	for name := range p.Options {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Requirement names another mod and the versions of it that are meant.
type Requirement struct {
	ID    string
	Range Range
}

// Range is a range of versions, as "^1.2" or ">=1.0, <3.0". A prerelease is
// in a range only if the range names one (">=1.0.0-0").
type Range struct {
	Text        string              // as written; empty in the zero Range
	Constraints *semver.Constraints // nil in the zero Range
}

// IsZero reports whether no range was stated.
func (r Range) IsZero() bool { return r.Constraints == nil }

// Contains reports whether v is in the range. Everything is in the zero Range.
func (r Range) Contains(v *semver.Version) bool {
	return r.Constraints == nil || r.Constraints.Check(v)
}

// Parse reads a manifest. The name of the file is used in positions only. The
// text has at most 64 KiB.
//
// Every error is an [*Error].
func Parse(file string, data []byte) (*Manifest, error) {
	if err := bounds.Size(len(data)); err != nil {
		return nil, syntaxError(source{file: file}, err)
	}
	src := source{file: file, text: strings.TrimPrefix(string(data), "\ufeff")}
	out, err := safetoml.Scan(src.text, bounds)
	if err != nil {
		return nil, syntaxError(src, err)
	}
	root, err := decode(src.text)
	if err != nil {
		return nil, syntaxError(src, err)
	}
	r := &reader{src: src, out: out, man: &Manifest{src: src, outline: out}}
	r.root(root)
	if err := r.err(); err != nil {
		return nil, err
	}
	return r.man, nil
}

// maxBytes is the length of a manifest.
const maxBytes = 64 << 10

// bounds are those of a manifest's text.
var bounds = safetoml.Bounds{Bytes: maxBytes, Depth: 8, KeyBytes: maxName, Entries: 2048}

// decode runs the TOML decoder on a text that has passed the scan. The decoder
// panics where it finds itself inconsistent; to a caller that is one more way
// of saying that the text is not TOML.
func decode(text string) (root map[string]any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &safetoml.Fault{Kind: safetoml.Syntax, Message: "this is not TOML"}
		}
	}()
	_, err = toml.Decode(text, &root)
	return root, err
}

func syntaxError(src source, err error) error {
	f := safetoml.FaultOf(err)
	return &Error{Problems: []*Problem{src.problem(Kind(f.Kind), f.At, "", f.Message)}}
}

// Where returns the place of a key, as Where("permissions", "storage"). Parts
// of an array have their index as name: Where("mod", "authors", "0"). If there
// is no such key, the place is that of the longest beginning of the path that
// there is, or else the start of the file.
func (m *Manifest) Where(path ...string) Position {
	return m.src.position(m.outline.At(path))
}

// Problem makes an error of a later stage look like one of Parse's: of kind
// [Refused], with the place that Where gives, and the line.
func (m *Manifest) Problem(message string, path ...string) *Problem {
	return m.src.problem(Refused, m.outline.At(path), safetoml.Dotted(path), safetoml.Printable(message))
}
