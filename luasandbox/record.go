package luasandbox

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// field is a field of a struct with a lua tag.
type field struct {
	name     string
	index    int
	optional bool
	shape    *shape
}

// shapeRecord is for a struct: a table in which the fields with a lua tag exist, and
// nothing else.
func (sc *scope) shapeRecord(sh *shape, t reflect.Type) error {
	index := map[string]int{}
	names := 0
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("lua")
		if !ok || tag == "-" {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		switch {
		case f.Anonymous:
			return fmt.Errorf("%s: field %s is embedded: name it to let scripts see it", t, f.Name)
		case !f.IsExported():
			return fmt.Errorf("%s: field %s is not exported", t, f.Name)
		case name == "" || option != "" && option != "optional":
			return fmt.Errorf("%s: field %s has the tag %q: want %q or %q", t, f.Name, tag, "name", "name,optional")
		}
		if _, ok := index[name]; ok {
			return fmt.Errorf("%s: two fields are called %q", t, name)
		}
		elem, err := sc.shapeOf(f.Type)
		if err != nil {
			return fmt.Errorf("%s: field %s: %w", t, f.Name, err)
		}
		index[name] = len(sh.fields)
		names += len(name)
		sh.fields = append(sh.fields, field{name: name, index: i, optional: option != "", shape: elem})
	}
	if len(sh.fields) == 0 {
		return fmt.Errorf("%s has no field with a tag `lua:\"name\"`, and only such fields cross the border", t)
	}
	sh.kind, sh.want = kindRecord, "table"
	size := int64(t.Size())
	sh.decode = func(d *decoding, v vm.Value, into reflect.Value) error {
		from := v.AsTable()
		if from == nil {
			return d.expected(sh, v)
		}
		if err := d.enter(from); err != nil {
			return err
		}
		defer d.leave()
		if err := d.take(len(sh.fields), limits.CopyElement, 0, size); err != nil {
			return err
		}
		seen := make([]bool, len(sh.fields))
		for k := vm.Nil; ; {
			key, v, _, err := from.Next(k)
			if err != nil {
				return err
			}
			if key.IsNil() {
				break
			}
			name, ok := key.AsString()
			i, known := index[name]
			if !ok || !known {
				return d.unknownKey(sh, key, names)
			}
			f := &sh.fields[i]
			if err := f.shape.decode(d, v, into.Field(f.index)); err != nil {
				return within(atName(name), err)
			}
			seen[i] = true
			k = key
		}
		for i := range sh.fields {
			if f := &sh.fields[i]; !seen[i] && !f.optional && !f.shape.optional {
				return within(atName(f.name), d.expected(f.shape, vm.Nil))
			}
		}
		return nil
	}
	sh.encode = func(e *encoding, v reflect.Value) (vm.Value, error) {
		mark := len(e.s.host.building)
		to, err := e.enter(0, len(sh.fields))
		if err != nil {
			return vm.Nil, err
		}
		for i := range sh.fields {
			f := &sh.fields[i]
			x, err := f.shape.encode(e, v.Field(f.index))
			if err == nil && !x.IsNil() {
				err = e.m.SetString(to, f.name, x)
			}
			if err != nil {
				return vm.Nil, within(atName(f.name), err)
			}
		}
		return e.leave(to, mark), nil
	}
	return nil
}

// unknownKey is the error of a table that is to become a record and has a key that
// is none of its fields. names is the length of all their names.
func (d *decoding) unknownKey(sh *shape, key vm.Value, names int) error {
	name, ok := key.AsString()
	if !ok {
		return &mismatch{want: "unknown key " + keyText(key)}
	}
	text := "unknown key " + shown(name)
	if len(name) <= 40 {
		if err := d.m.Work(int64(names+len(sh.fields)) * int64(len(name)+1)); err != nil {
			return err
		}
		known := make([]string, len(sh.fields))
		for i := range sh.fields {
			known[i] = sh.fields[i].name
		}
		if near := nearest(name, known); near != "" {
			text += ": did you mean " + shown(near) + "?"
		}
	}
	return &mismatch{want: text}
}

// nearest returns the one of names that name is probably meant to be, or "".
func nearest(name string, names []string) string {
	best, least := "", 1+len(name)/3
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return n
		}
		if d := distance(name, n); d <= least {
			if d < least || best == "" {
				best = n
			}
			least = d
		}
	}
	return best
}

// distance is the Levenshtein distance of a and b in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := diagonal
			if a[i] != b[j] {
				next = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
