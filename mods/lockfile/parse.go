package lockfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/internal/safetoml"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/trust"
)

// format is the version of the file's form.
const format = 1

// Bounds of a lock.
const (
	maxBytes     = 4 << 20
	maxText      = 1024 // characters of a publisher, a source, a text in an option
	maxMods      = 4096
	maxLibraries = 256 // in one mod
	maxKeys      = 64
	maxGrants    = 64
	maxOptions   = 32
	maxItems     = 64 // of an option
)

var bounds = safetoml.Bounds{Bytes: maxBytes, Depth: 8, KeyBytes: 128, Entries: 200_000}

// The form of the file.
type (
	fileForm struct {
		Format int64              `toml:"format"`
		Mods   map[string]modForm `toml:"mods"`
	}
	modForm struct {
		Version      string                    `toml:"version"`
		Digest       string                    `toml:"digest"`
		Asked        *string                   `toml:"asked"`
		Publisher    string                    `toml:"publisher"`
		Keys         []string                  `toml:"keys"`
		Source       string                    `toml:"source"`
		Grants       map[string]map[string]any `toml:"grants"`
		Limits       map[string]any            `toml:"limits"`
		Dependencies map[string]string         `toml:"dependencies"`
		Libraries    map[string]libraryForm    `toml:"libraries"`
	}
	libraryForm struct {
		Version   string   `toml:"version"`
		Digest    string   `toml:"digest"`
		Publisher string   `toml:"publisher"`
		Keys      []string `toml:"keys"`
		Source    string   `toml:"source"`
		Libraries []string `toml:"libraries"`
	}
)

// Error is a lock that is not taken. Its cause is a [*safetoml.Error].
type Error struct {
	Line, Column int    // from 1; 0 if it is about the file as a whole
	Key          string // the dotted path, if it is about one
	Err          error
}

// Error names the file, the place, and what is wrong.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Read reads the lock at a path. It waits for no pipe, and follows no symbolic link at
// the end of the path. The errors: [*Error]; what the system says, as that there is
// none, which is [fs.ErrNotExist]; a [*bundle.Error] for what is no regular file.
func Read(path string) (*Lock, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	file, info, err := bundle.OpenIn(root, filepath.Base(path), os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("is a folder")}
	}
	data, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Parse reads a lock of at most 4 MiB. The name of the file is used in errors only.
//
// Every error is an [*Error].
func Parse(file string, data []byte) (*Lock, error) {
	var form fileForm
	doc, err := safetoml.Decode(file, data, bounds, &form)
	if err != nil {
		return nil, located(err)
	}
	p := &parser{doc: doc}
	switch {
	case form.Format != format:
		p.fail([]string{"format"}, "format is %d; this program reads %d", form.Format, format)
	case len(form.Mods) > maxMods:
		p.fail([]string{"mods"}, "%d mods; at most %d", len(form.Mods), maxMods)
	}
	l := &Lock{}
	for _, id := range slices.Sorted(maps.Keys(form.Mods)) {
		if p.err != nil {
			break
		}
		l.Mods = append(l.Mods, p.mod(id, form.Mods[id]))
	}
	p.agree(l)
	if p.err != nil {
		return nil, p.err
	}
	return l, nil
}

func located(err error) error {
	out := &Error{Err: err}
	if e, ok := errors.AsType[*safetoml.Error](err); ok {
		out.Line, out.Column, out.Key = e.Line, e.Column, e.Key
	}
	return out
}

// parser checks a decoded lock, and keeps the first thing that is wrong.
type parser struct {
	doc *safetoml.Document
	err error
}

func (p *parser) fail(path []string, text string, args ...any) {
	if p.err == nil {
		p.err = located(p.doc.Errorf(path, text, args...))
	}
}

// under returns the path of something in a table.
func under(path []string, names ...string) []string { return append(slices.Clone(path), names...) }

func (p *parser) mod(id string, form modForm) Mod {
	at := []string{"mods", id}
	p.id(at, id)
	m := Mod{ID: id, Version: form.Version, Digest: form.Digest, Publisher: form.Publisher, Keys: form.Keys, Source: form.Source}
	p.bytes(at, m.Version, m.Digest)
	p.origin(at, m.Publisher, m.Keys, m.Source)
	if form.Asked != nil {
		m.Asked, m.Range = true, *form.Asked
		if _, err := manifest.ParseRange(m.Range); err != nil && m.Range != "" {
			p.fail(under(at, "asked"), "asked is %q: %v", m.Range, err)
		}
	}
	if len(form.Grants) > maxGrants {
		p.fail(under(at, "grants"), "%d grants; at most %d", len(form.Grants), maxGrants)
	}
	for _, capability := range slices.Sorted(maps.Keys(form.Grants)) {
		m.Grants = append(m.Grants, p.grant(under(at, "grants", capability), capability, form.Grants[capability]))
	}
	m.Limits = p.limits(under(at, "limits"), form.Limits)
	for _, other := range slices.Sorted(maps.Keys(form.Dependencies)) {
		m.Dependencies = append(m.Dependencies, Dependency{other, form.Dependencies[other]})
	}
	if len(form.Libraries) > maxLibraries {
		p.fail(under(at, "libraries"), "%d libraries; at most %d", len(form.Libraries), maxLibraries)
	}
	for _, other := range slices.Sorted(maps.Keys(form.Libraries)) {
		m.Libraries = append(m.Libraries, p.library(under(at, "libraries", other), other, form.Libraries[other]))
	}
	return m
}

func (p *parser) library(at []string, id string, form libraryForm) Library {
	p.id(at, id)
	p.bytes(at, form.Version, form.Digest)
	p.origin(at, form.Publisher, form.Keys, form.Source)
	for i, other := range form.Libraries {
		if i > 0 && form.Libraries[i-1] >= other {
			p.fail(under(at, "libraries"), "the libraries are not sorted, or one is there twice: %q", other)
		}
	}
	return Library{
		ID: id, Version: form.Version, Digest: form.Digest, Publisher: form.Publisher, Keys: form.Keys, Source: form.Source,
		Libraries: form.Libraries,
	}
}

func (p *parser) id(at []string, id string) {
	if err := manifest.CheckID(id); err != nil {
		p.fail(at, "%q is not the id of a mod: %v", id, err)
	}
}

// bytes checks what says which bytes it is.
func (p *parser) bytes(at []string, version, digest string) {
	if v, err := semver.StrictNewVersion(version); err != nil || v.String() != version {
		p.fail(under(at, "version"), "the version is %q; want one such as \"1.0.0\"", version)
	}
	if whole, err := bundle.ParseDigest(digest); err != nil || whole != digest {
		p.fail(under(at, "digest"), "the digest is %q; want \"h1:\" and 44 digits of base64", digest)
	}
}

// origin checks what says whom it is from.
func (p *parser) origin(at []string, publisher string, keys []string, source string) {
	p.text(under(at, "publisher"), publisher)
	p.text(under(at, "source"), source)
	if len(keys) > maxKeys {
		p.fail(under(at, "keys"), "%d keys; at most %d", len(keys), maxKeys)
	}
	for i, key := range keys {
		if err := trust.CheckKeyID(key); err != nil {
			p.fail(under(at, "keys"), "%v", err)
		}
		if i > 0 && keys[i-1] >= key {
			p.fail(under(at, "keys"), "the keys are not sorted, or one is there twice: %q", key)
		}
	}
}

func (p *parser) text(at []string, text string) {
	if message := checkText(text); message != "" {
		p.fail(at, "%s", message)
	}
}

// checkText returns what is wrong with a text, or "".
func checkText(text string) string {
	if n := utf8.RuneCountInString(text); n > maxText {
		return fmt.Sprintf("%d characters; at most %d", n, maxText)
	}
	for _, c := range text {
		if !unicode.IsPrint(c) && c != '\n' && c != '\t' && c != '\r' {
			return fmt.Sprintf("the character %U is not allowed", c)
		}
	}
	return ""
}

func (p *parser) grant(at []string, capability string, options map[string]any) policy.Grant {
	g := policy.Grant{Capability: capability}
	if !isName(capability, true) {
		p.fail(at, "%q is not a capability: small letters, digits and '_', in parts joined by '.'", capability)
	}
	if len(options) > maxOptions {
		p.fail(at, "%d options; at most %d", len(options), maxOptions)
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if !isName(name, false) {
			p.fail(under(at, name), "%q is not the name of an option: small letters, digits and '_'", name)
		}
		value, message := option(options[name])
		if message != "" {
			p.fail(under(at, name), "%s", message)
		}
		if g.Options == nil {
			g.Options = map[string]any{}
		}
		g.Options[name] = value
	}
	return g
}

// isName reports whether a text is a name as manifests have them.
func isName(text string, dots bool) bool {
	for part := range strings.SplitSeq(text, ".") {
		if part == "" || part[0] < 'a' || part[0] > 'z' || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return false
		}
	}
	return len(text) <= 64 && (dots || !strings.Contains(text, "."))
}

// option returns a value in the one form that it has here: string, int64, float64 that
// is not whole, bool, []string, or []any of these; or what is wrong with it.
func option(value any) (any, string) {
	switch v := value.(type) {
	case []string:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = item
		}
		return option(items)
	case []any:
		if len(v) > maxItems {
			return nil, fmt.Sprintf("%d items; at most %d", len(v), maxItems)
		}
		items := make([]any, len(v))
		texts := make([]string, 0, len(v))
		for i, item := range v {
			plain, message := scalar(item)
			if message != "" {
				return nil, message
			}
			items[i] = plain
			if text, ok := plain.(string); ok {
				texts = append(texts, text)
			}
		}
		if len(texts) == len(items) {
			return texts, ""
		}
		return items, ""
	}
	return scalar(value)
}

// maxExact is the largest whole number up to which a float64 has them all.
const maxExact = 1 << 53

func scalar(value any) (any, string) {
	switch v := value.(type) {
	case string:
		if !utf8.ValidString(v) {
			return nil, "a text that is not UTF-8"
		}
		return v, checkText(v)
	case bool, int64:
		return v, ""
	case int:
		return int64(v), ""
	case float64:
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			return nil, "must be a finite number"
		case v == math.Trunc(v) && math.Abs(v) <= maxExact:
			return int64(v), "" // options that were written as JSON have no other numbers
		}
		return v, ""
	}
	return nil, "must be a string, a number, a boolean or an array of these"
}

func (p *parser) limits(at []string, form map[string]any) limits.Limits {
	var l limits.Limits
	for _, name := range slices.Sorted(maps.Keys(form)) {
		here := under(at, name)
		kind, known := kindOf(name)
		if !known {
			p.fail(here, "there is no limit %q", name)
			continue
		}
		n, whole := form[name].(int64)
		text, isText := form[name].(string)
		if kind == limits.Time {
			d, err := time.ParseDuration(text)
			if !isText || err != nil || d.String() != text {
				p.fail(here, "the time must be a duration such as \"50ms\"")
			}
			n = int64(d)
		} else if !whole {
			p.fail(here, "must be a whole number")
		}
		if n <= 0 {
			p.fail(here, "must be above 0; leave it out for what the host has")
		}
		l = l.With(kind, n)
	}
	return l
}

func kindOf(name string) (limits.Kind, bool) {
	for _, k := range limits.Kinds() {
		if k.String() == name {
			return k, true
		}
	}
	return 0, false
}

// agree checks that what mods and libraries say of each other is so.
func (p *parser) agree(l *Lock) {
	for _, m := range l.Mods {
		for _, d := range m.Dependencies {
			at := []string{"mods", m.ID, "dependencies", d.ID}
			switch other, there := l.Mod(d.ID); {
			case !there:
				p.fail(at, "%s needs %s, which is not in the lock", m.ID, d.ID)
			case other.Version != d.Version:
				p.fail(at, "%s needs %s %s, and %s is in the lock", m.ID, d.ID, d.Version, other.Version)
			}
		}
		for _, lib := range m.Libraries {
			for _, named := range lib.Libraries {
				if !slices.ContainsFunc(m.Libraries, func(l Library) bool { return l.ID == named }) {
					p.fail([]string{"mods", m.ID, "libraries", lib.ID, "libraries"}, "the library %s names %s, which is not among the libraries of %s", lib.ID, named, m.ID)
				}
			}
		}
	}
}
