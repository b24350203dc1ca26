// Package safetoml reads TOML that somebody hostile may have written.
//
// The decoder in use, github.com/BurntSushi/toml, recurses on what is nested and
// copies the paths of keys: a few kilobytes of brackets or dots end the process, or
// cost gigabytes. [Scan] looks at a text first, without recursion, in time and memory
// in proportion to its size, and finds where everything stands; [Decode] is strict.
package safetoml

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// Error is a file that cannot be taken.
type Error struct {
	File         string
	Line, Column int    // from 1; 0 if it is about the file as a whole
	Key          string // the dotted path, if it is about one
	Message      string // what is wrong, and what would be right, on one line
}

// Error names the file, the place, and what is wrong.
func (e *Error) Error() string {
	text := e.File
	if e.Line > 0 {
		text = fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
	}
	return text + ": " + e.Message
}

// Document is a decoded text, and where things stand in it.
type Document struct {
	file    string
	text    string
	outline *Outline
}

// Decode decodes a text strictly into v: what v has no field for is an error, also
// where the field is spelt otherwise; a field without a tag has its own name. The
// name of the file is used in errors only. A byte order mark is skipped.
//
// Every error is an [*Error].
func Decode(file string, data []byte, bounds Bounds, v any) (*Document, error) {
	d := &Document{file: file}
	err := bounds.Size(len(data))
	if err == nil {
		d.text = strings.TrimPrefix(string(data), "\ufeff")
		d.outline, err = Scan(d.text, bounds)
	}
	if err != nil {
		return nil, d.fault(FaultOf(err))
	}
	meta, fault := decode(d.text, v)
	if fault != nil {
		var plain map[string]any
		if _, syntax := decode(d.text, &plain); syntax == nil {
			if path, want := misfit(nil, plain, reflect.TypeOf(v)); path != nil {
				return nil, d.Errorf(path, "%s must be %s", Dotted(path), want)
			}
		}
		return nil, d.fault(fault)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, d.Errorf(unknown[0], "unknown key %s", Dotted(unknown[0]))
	}
	for _, key := range meta.Keys() { // in the order of the text
		if !d.exact(reflect.TypeOf(v), key) {
			return nil, d.Errorf(key, "unknown key %s: names are written in small and capital letters as they are documented", Dotted(key))
		}
	}
	return d, nil
}

// misfit finds the first value, by name, that is of another type than the one it is
// decoded into, and says what is wanted. The path is nil if there is none.
func misfit(path []string, value any, t reflect.Type) (at []string, want string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[time.Time]() {
		if _, ok := value.(time.Time); !ok {
			return path, "a date and a time, as 2026-01-31T12:00:00Z"
		}
		return nil, ""
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		table, ok := value.(map[string]any)
		if !ok {
			return path, "a table"
		}
		for _, name := range slices.Sorted(maps.Keys(table)) {
			inner := t
			if t.Kind() == reflect.Map {
				inner = t.Elem()
			} else if inner = fieldOf(t, name); inner == nil {
				continue
			}
			if at, want := misfit(append(slices.Clone(path), name), table[name], inner); at != nil {
				return at, want
			}
		}
	case reflect.Slice, reflect.Array:
		items, ok := value.([]any)
		if !ok {
			return path, "an array"
		}
		for i, item := range items {
			if at, want := misfit(append(slices.Clone(path), strconv.Itoa(i)), item, t.Elem()); at != nil {
				return at, want
			}
		}
	case reflect.String:
		if _, ok := value.(string); !ok {
			return path, "a string"
		}
	case reflect.Bool:
		if _, ok := value.(bool); !ok {
			return path, "true or false"
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if _, ok := value.(int64); !ok {
			return path, "a whole number"
		}
	case reflect.Float32, reflect.Float64:
		switch value.(type) {
		case int64, float64:
		default:
			return path, "a number"
		}
	}
	return nil, ""
}

// fieldOf returns the type of the field of that name, nil if there is none.
func fieldOf(t reflect.Type, name string) reflect.Type {
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		if f.IsExported() && cmp.Or(tag, f.Name) == name {
			return f.Type
		}
	}
	return nil
}

// exact reports whether a key that was decoded is spelt as its field is: the decoder
// looks no further than the letters, and of "a" and "A" it takes either.
func (d *Document) exact(t reflect.Type, key []string) bool {
	for _, name := range key {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Map:
			t = t.Elem()
		case reflect.Struct:
			if t = fieldOf(t, name); t == nil {
				return false
			}
		default:
			return true // decoded by the type itself
		}
	}
	return true
}

// Errorf makes an error at the place of a key.
func (d *Document) Errorf(path []string, format string, args ...any) *Error {
	e := d.at(d.outline.At(path), fmt.Sprintf(format, args...))
	e.Key = Dotted(path)
	return e
}

// decode runs the decoder, which panics where it finds itself inconsistent; to a
// caller that is one more way of saying that the text is not TOML.
func decode(text string, v any) (meta toml.MetaData, fault *Fault) {
	defer func() {
		if p := recover(); p != nil {
			fault = &Fault{Kind: Syntax, Message: "this is not TOML"}
		}
	}()
	meta, err := toml.Decode(text, v)
	return meta, FaultOf(err)
}

// FaultOf brings an error of the decoder into the form of those of [Scan]; nil for nil.
func FaultOf(err error) *Fault {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	f := &Fault{Kind: Syntax, Message: Printable(err.Error())}
	if p, ok := errors.AsType[toml.ParseError](err); ok {
		f.At = Span{p.Position.Start, p.Position.Start + p.Position.Len}
		if p.Message != "" {
			f.Message = Printable(p.Message)
		}
	}
	return f
}

func (d *Document) fault(f *Fault) *Error { return d.at(f.At, f.Message) }

// at makes an error at a place of the text.
func (d *Document) at(where Span, message string) *Error {
	e := &Error{File: Printable(d.file), Message: message}
	if start := min(max(where.Start, 0), len(d.text)); where != (Span{}) {
		e.Line = 1 + strings.Count(d.text[:start], "\n")
		e.Column = 1 + utf8.RuneCountInString(d.text[strings.LastIndexByte(d.text[:start], '\n')+1:start])
	}
	return e
}

// Printable keeps a message on one line and free of controls.
func Printable(message string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t':
			return ' '
		case !unicode.IsPrint(c):
			return utf8.RuneError
		}
		return c
	}, message)
}
