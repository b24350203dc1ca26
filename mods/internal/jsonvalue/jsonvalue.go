// Package jsonvalue is JSON for the values that cross the border of a sandbox:
// nil, bool, float64, string, []any and map[string]any, the plain values, as
// package luasandbox copies them. It measures, writes and reads them within
// bounds that hold whatever a mod's author sends through.
//
// What is written is canonical: one value, one text. Object keys are in byte
// order, numbers in the shortest form that reads back as the same float64.
package jsonvalue

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// MaxDepth is how many lists and tables may be inside each other.
const MaxDepth = 100

// Null stands for JSON's null where nil cannot: inside lists and objects. There
// is one of it, [TheNull].
type Null struct{ _ byte }

// TheNull is the only Null that counts as one.
var TheNull = &Null{}

// Error says why a value cannot be written. It may be shown to the script that
// the value came from.
type Error struct {
	Path   string // where in the value, as "prices.fish" or "[3].name"; empty at the top
	Reason string
}

// Error gives the place and the reason.
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return "at " + e.Path + ": " + e.Reason
}

// ErrTooLarge is what measuring or writing a value beyond its bound returns.
var ErrTooLarge = errors.New("value is too large")

// The bytes of Go memory that a plain value holds, at most (Go 1.26, amd64):
// an interface holding it, its header, and of a map the groups of eight slots
// that a small number of entries take.
const (
	slotBytes   = 16
	scalarBytes = 8
	stringBytes = 24 // with what the allocator rounds up
	listBytes   = 24
	mapBytes    = 48 + 8 + 8*(16+16)
	entryBytes  = 2 * (16 + 16)
)

// Measure checks that v is a plain value and returns the Go memory that it
// holds. A number must be finite. It stops with [ErrTooLarge] when that is more
// than most bytes; every other error is an [*Error].
func Measure(v any, most int64) (int64, error) {
	m := measure{most: most}
	err := m.value(v, 0)
	return m.size, place(err)
}

type measure struct{ size, most int64 }

func (m *measure) add(n int64) error {
	m.size += n
	if m.size > m.most {
		return ErrTooLarge
	}
	return nil
}

func (m *measure) value(v any, depth int) error {
	if err := m.add(slotBytes); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil, bool:
		return nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return &Error{Reason: "a number must be finite"}
		}
		return m.add(scalarBytes)
	case string:
		return m.add(stringBytes + int64(len(v)))
	case []any:
		if depth == MaxDepth {
			return tooDeep()
		}
		if err := m.add(listBytes); err != nil {
			return err
		}
		for i, item := range v {
			if err := m.value(item, depth+1); err != nil {
				return within(err, fmt.Sprintf("[%d]", i+1))
			}
		}
		return nil
	case map[string]any:
		if depth == MaxDepth {
			return tooDeep()
		}
		if err := m.add(mapBytes + entryBytes*int64(len(v))); err != nil {
			return err
		}
		for _, key := range sortedKeys(v) {
			if err := m.add(int64(len(key))); err != nil {
				return err
			}
			if err := m.value(v[key], depth+1); err != nil {
				return within(err, key)
			}
		}
		return nil
	}
	return notPlain(v)
}

func notPlain(v any) error {
	switch v.(type) {
	case map[any]any:
		return &Error{Reason: "a table has either the keys 1 to n or only strings as keys"}
	case *Null:
		return &Error{Reason: "json.null is not a plain value; leave the field out"}
	}
	return &Error{Reason: "neither nil, boolean, number, string nor table"}
}

func tooDeep() error {
	return &Error{Reason: fmt.Sprintf("tables are nested more than %d deep", MaxDepth)}
}

// within adds a step to the path of an error on its way up.
func within(err error, step string) error {
	if e, ok := err.(*Error); ok && len(e.Path) < 200 {
		if len(step) > 40 {
			step = step[:40] + "..."
		}
		if e.Path == "" || e.Path[0] == '[' {
			e.Path = step + e.Path
		} else {
			e.Path = step + "." + e.Path
		}
	}
	return err
}

// place makes a path readable whatever bytes the keys in it have.
func place(err error) error {
	if e, ok := err.(*Error); ok {
		if q := fmt.Sprintf("%+q", e.Path); q != `"`+e.Path+`"` {
			e.Path = q
		}
	}
	return err
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
