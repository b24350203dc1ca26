package luasandbox

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// Grant is one capability: host functions, constants and types of handles that a
// script gets together, in a read-only table named for the grant or as globals.
//
// A Grant is analysed once, when it is made, and never changes: any number of
// sandboxes and goroutines may share it.
type Grant struct {
	name, doc string
	functions []*function
	constants []constant
	types     []*handleType
	err       error
}

// Member is one thing in a [Grant] or a [HandleType]: made by [Func], [Value],
// [Property], [Members], [Mistake] or [NewHandleType].
type Member interface {
	declare(d *declarations)
}

// DeclarationError is a mistake in the declaration of a grant, in Go code.
type DeclarationError struct {
	Grant  string // its name, "" for globals
	Member string // "spawn", or "Unit.damage" for a member of a type of handles
	Err    error  // what is wrong
}

// Error names the grant, the member and what is wrong.
func (e *DeclarationError) Error() string {
	switch {
	case e.Grant == "" && e.Member == "":
		return fmt.Sprintf("grant: %v", e.Err)
	case e.Member == "":
		return fmt.Sprintf("grant %q: %v", e.Grant, e.Err)
	}
	return fmt.Sprintf("grant %q: %s: %v", e.Grant, e.Member, e.Err)
}

// Unwrap returns what is wrong.
func (e *DeclarationError) Unwrap() error { return e.Err }

// NewGrant returns a grant with the given members. Scripts find them in a table
// called name, or, if name is "", among their globals. doc says what the grant is
// for. A mistake, such as a parameter of a type that cannot cross the border, is
// reported by [Grant.Err] and by [New].
func NewGrant(name, doc string, members ...Member) *Grant {
	g := &Grant{name: name, doc: doc}
	if name != "" && !isName(name) {
		g.fail("", fmt.Errorf("a grant's name is a Lua name, or empty"))
	}
	d := declarations{names: map[string]bool{}, fail: g.fail}
	d.add(members)
	g.functions, g.constants, g.types = d.functions, d.constants, d.types
	for _, p := range d.properties {
		g.fail(p.name, errors.New("a property belongs to a type of handles"))
	}
	handles := map[reflect.Type][]*handleType{}
	typeNames := map[string]bool{}
	for _, t := range g.types {
		handles[t.goType] = append(handles[t.goType], t)
		if typeNames[t.name] {
			g.fail(t.name, errors.New("two types of handles have this name"))
		}
		typeNames[t.name] = true
	}
	for _, f := range g.functions {
		f.grant = g
		f.label = f.name
		if name != "" {
			f.label = name + "." + f.name
		}
		if err := f.analyse(handles, nil); err != nil {
			g.fail(f.name, err)
		}
	}
	for i := range g.constants {
		if err := g.constants[i].check(handles); err != nil {
			g.fail(g.constants[i].name, err)
		}
	}
	for _, t := range g.types {
		t.analyse(g, handles)
		for _, e := range t.errs {
			g.fail(e.Member, e.Err)
		}
	}
	return g
}

func (g *Grant) fail(member string, err error) {
	g.err = errors.Join(g.err, &DeclarationError{Grant: g.name, Member: member, Err: err})
}

// Name returns the name of the grant's table, "" for globals.
func (g *Grant) Name() string { return g.name }

// Doc returns what the grant is for.
func (g *Grant) Doc() string { return g.doc }

// Err returns nil, or the mistakes in the declaration: one [*DeclarationError] for
// each, joined.
func (g *Grant) Err() error { return g.err }

// declarations collects members.
type declarations struct {
	names      map[string]bool
	functions  []*function
	constants  []constant
	types      []*handleType
	properties []*property
	fail       func(member string, err error)
}

func (d *declarations) add(members []Member) {
	for _, m := range members {
		if m == nil {
			d.fail("", errors.New("a member is nil"))
			continue
		}
		m.declare(d)
	}
}

// name admits a member's name once.
func (d *declarations) name(name string) {
	switch {
	case !isName(name):
		d.fail(fmt.Sprintf("%q", name), errors.New("a member's name is a Lua name: a letter or underscore, then letters, digits and underscores, no keyword"))
	case d.names[name]:
		d.fail(name, errors.New("two members have this name"))
	}
	d.names[name] = true
}

type memberList []Member

// Members makes one member of several, for packages that offer more than one thing
// under one name.
func Members(members ...Member) Member { return memberList(members) }

func (l memberList) declare(d *declarations) { d.add(l) }

type mistake struct {
	name string
	err  error
}

// Mistake declares nothing but an error of its grant, for packages that make members
// out of other things.
func Mistake(name string, err error) Member { return mistake{name, err} }

func (m mistake) declare(d *declarations) { d.fail(m.name, m.err) }

// constant is a named value.
type constant struct {
	name string
	v    any
}

// Value declares a constant: a boolean, a number, a string, a list, map or struct of
// such, or an object of one of the grant's types of handles. It is copied into each
// sandbox when that is made, and must not change after NewGrant. Tables are
// read-only to scripts.
func Value(name string, v any) Member { return constant{name, v} }

func (k constant) declare(d *declarations) {
	d.name(k.name)
	d.constants = append(d.constants, k)
}

// check errs if the constant's type cannot cross the border.
func (k constant) check(handles map[reflect.Type][]*handleType) error {
	switch k.v.(type) {
	case nil:
		return errors.New("a constant is not nil")
	case *Function:
		return errors.New("a constant is not a function")
	}
	_, err := newScope(handles).shapeOf(reflect.TypeOf(k.v))
	return err
}

// install gives s the grant. The errors: the grant's own; a *DeclarationError for a
// name that is taken, or a constant that cannot be copied; *limits.Error if there is
// no room.
func (g *Grant) install(s *Sandbox) error {
	if g == nil {
		return errors.New("a grant is nil")
	}
	if g.err != nil {
		return g.err
	}
	m := s.m
	for _, t := range g.types {
		s.host.know(t)
	}
	into := m.Globals()
	if g.name != "" {
		if !into.GetString(g.name).IsNil() {
			return g.taken(g.name)
		}
		t, err := m.NewTable(0, len(g.functions)+len(g.constants))
		if err != nil {
			return err
		}
		if err := m.SetString(into, g.name, t.Value()); err != nil {
			return err
		}
		into = t
	}
	for _, f := range g.functions {
		if !into.GetString(f.name).IsNil() {
			return g.taken(f.name)
		}
		n, err := m.NewNative(f.label, f.native(s))
		if err != nil {
			return err
		}
		if err := m.SetString(into, f.name, n.Value()); err != nil {
			return err
		}
	}
	for _, k := range g.constants {
		if !into.GetString(k.name).IsNil() {
			return g.taken(k.name)
		}
		v, err := k.value(s)
		if isFatal(err) {
			return err
		}
		if err != nil {
			return &DeclarationError{Grant: g.name, Member: k.name, Err: err}
		}
		if err := m.SetString(into, k.name, v); err != nil {
			return err
		}
	}
	if g.name != "" {
		into.SetReadOnly()
	}
	return nil
}

func (g *Grant) taken(name string) error {
	return &DeclarationError{Grant: g.name, Member: name, Err: errors.New("there is a global of this name already")}
}

// value copies the constant into s.
func (k constant) value(s *Sandbox) (vm.Value, error) {
	e := encoding{s: s, m: s.m, left: maxElements, readOnly: true}
	defer e.end(len(s.host.building))
	return e.any(k.v)
}

// keywords are the names that Lua keeps for itself, with goto.
var keywords = map[string]bool{
	"and": true, "break": true, "do": true, "else": true, "elseif": true, "end": true, "false": true,
	"for": true, "function": true, "goto": true, "if": true, "in": true, "local": true, "nil": true,
	"not": true, "or": true, "repeat": true, "return": true, "then": true, "true": true, "until": true,
	"while": true,
}

// isName reports whether s is a name in Lua: what can follow a dot.
func isName(s string) bool {
	if s == "" || len(s) > 200 || keywords[s] {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}
