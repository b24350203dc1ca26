package texts

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"github.com/luasandbox/modrunner/mods/internal/jsonvalue"
)

// The bounds of what one mod's tables can be.
const (
	MaxFiles = 64
	MaxFile  = 256 << 10 // bytes of one file
	MaxAll   = 1 << 20   // bytes of all files
	MaxTexts = 10_000    // in all files, each plural form counted
	MaxMarks = 20_000    // placeholders in all files
	MaxText  = 16 << 10  // bytes of one text
	MaxKey   = 128       // bytes of one key
)

// room is what is left of the bounds while tables are read.
type room struct{ texts, marks int }

// Error is a table that cannot be used.
type Error struct {
	File         string
	Line, Column int    // 0 if the file is JSON
	Key          string // "" if it is about the file
	Err          error
}

// Error gives the place and the reason. What the author wrote is quoted.
func (e *Error) Error() string {
	place := fmt.Sprintf("%.100q", e.File)
	switch {
	case e.Line > 0:
		place += fmt.Sprintf(":%d:%d", e.Line, e.Column)
	case e.Key != "":
		place += fmt.Sprintf(": the text of %.100q", e.Key)
	}
	return fmt.Sprintf("%s: %v", place, e.Err)
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Tables are the texts of one mod in all its languages. They do not change, and may
// be used by several goroutines. A nil *Tables has none.
type Tables struct{ byTag map[string]map[string]*Text }

// Path returns the tag in the path of a table, and whether it is one.
func Path(path string) (tag string, ok bool) {
	name, inFolder := strings.CutPrefix(path, "lang/")
	tag, isJSON := strings.CutSuffix(name, ".json")
	return tag, inFolder && isJSON && !strings.Contains(tag, "/")
}

// Read reads tables, given by their paths (see [Path]). Every error is an [*Error],
// that of the first file, by path, which has one.
func Read(files map[string]string) (*Tables, error) {
	t := &Tables{byTag: map[string]map[string]*Text{}}
	paths := map[string]string{} // by tag
	bytes, left := 0, room{MaxTexts, MaxMarks}
	if len(files) > MaxFiles {
		return nil, &Error{File: "lang", Err: fmt.Errorf("%d tables; at most %d", len(files), MaxFiles)}
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fail := func(err error) (*Tables, error) { return nil, &Error{File: path, Err: err} }
		raw, ok := Path(path)
		if !ok {
			return fail(errors.New("not the path of a table: want lang/<language>.json"))
		}
		tag, err := ParseTag(raw)
		if err != nil {
			return fail(err)
		}
		if other, twice := paths[tag]; twice {
			return fail(fmt.Errorf("the language %s has another table, %q", tag, other))
		}
		paths[tag] = path
		if bytes += len(files[path]); len(files[path]) > MaxFile || bytes > MaxAll {
			return fail(fmt.Errorf("%d bytes; at most %d in a table, and %d in all", len(files[path]), MaxFile, MaxAll))
		}
		table, err := readTable(path, tag, files[path], &left)
		if err != nil {
			return nil, err
		}
		t.byTag[tag] = table
	}
	return t, nil
}

func readTable(path, tag, data string, left *room) (map[string]*Text, error) {
	value, err := jsonvalue.Decode(strings.TrimPrefix(data, "\ufeff"), jsonvalue.Decoding{})
	if syntax, ok := errors.AsType[*jsonvalue.SyntaxError](err); ok {
		return nil, &Error{File: path, Line: syntax.Line, Column: syntax.Column, Err: errors.New(syntax.Reason)}
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, &Error{File: path, Err: errors.New(`want an object of keys and texts, as {"greeting": "Hello"}`)}
	}
	table := map[string]*Text{}
	parsed := language.Make(tag)
	for _, key := range slices.Sorted(maps.Keys(object)) {
		text, err := readText(parsed, object[key], left)
		if err == nil && (key == "" || len(key) > MaxKey) {
			err = fmt.Errorf("a key of %d bytes; want 1 to %d", len(key), MaxKey)
		}
		if err != nil {
			return nil, &Error{File: path, Key: key, Err: err}
		}
		table[key] = text
	}
	return table, nil
}

func readText(tag language.Tag, value any, left *room) (*Text, error) {
	switch v := value.(type) {
	case string:
		parts, err := readTemplate(v, left)
		return &Text{language: tag, plain: parts}, err
	case map[string]any:
		t := &Text{language: tag, forms: map[plural.Form][]part{}}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			form := slices.Index(forms[:], name)
			text, isText := v[name].(string)
			if form < 0 || !isText {
				return nil, fmt.Errorf("%.40q: the forms of a text are texts called %s", name, strings.Join(forms[:], ", "))
			}
			parts, err := readTemplate(text, left)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			t.forms[plural.Form(form)] = parts
		}
		if _, ok := t.forms[plural.Other]; !ok {
			return nil, errors.New(`it has no form "other", which every language needs`)
		}
		return t, nil
	}
	return nil, errors.New("want a text, or an object with its plural forms")
}

func readTemplate(text string, left *room) ([]part, error) {
	if left.texts--; left.texts < 0 {
		return nil, fmt.Errorf("more than %d texts in all tables", MaxTexts)
	}
	if len(text) > MaxText {
		return nil, fmt.Errorf("%d bytes; at most %d", len(text), MaxText)
	}
	return parseTemplate(text, left)
}

// Tags returns the languages that there are tables for, sorted.
func (t *Tables) Tags() []string {
	if t == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(t.byTag))
}

// Find returns the text of a key in the first of the languages that has it; nil if
// none has.
func (t *Tables) Find(chain []string, key string) *Text {
	if t == nil {
		return nil
	}
	for _, tag := range chain {
		if text := t.byTag[tag][key]; text != nil {
			return text
		}
	}
	return nil
}
