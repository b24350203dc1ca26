// Package stdlib is the standard library of Lua 5.1 for the machine of
// luasandbox/vm: all of it that is safe, with C Lua 5.1.5's results and
// messages, every function charged in proportion to its work before it works.
//
// COMPATIBILITY.md, made from the package's ledger, has a row for each function
// of Lua 5.1: what is the same, what differs and why, what is absent.
package stdlib

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// Options is what a library may know of the world outside its sandbox. The zero
// Options is a world that stands still and hears nothing: the same run gives the
// same results everywhere. The functions are called on the goroutine that runs
// the machine, between two of its instructions; they must not call it.
type Options struct {
	// Now is the wall clock of os.time and os.date. If nil, it is always the
	// beginning of the year 2000, UTC.
	Now func() time.Time
	// Clock is what os.clock tells. If nil, it is derived from the instructions
	// spent: one second for each 100,000,000.
	Clock func() time.Duration
	// Seed begins the sequence of math.random.
	Seed uint64
	// Print is called with each line that print writes, without the newline,
	// after the line was charged to Limits.Output. The line is the script's:
	// any bytes. An error that it returns is print's. If nil, lines are charged
	// and dropped.
	Print func(c *vm.Call, line string) error
	// Require returns the source text of a module of the mod's own, and the name
	// by which messages show it. name has 1 to 200 bytes: letters, digits, '_' and
	// '-', in parts that are not empty, with '.' or '/' between them. Where it has
	// no module of a library's name, such as "string", require returns the library's
	// table. If nil, the function require is absent.
	Require func(name string) (chunk, text string, ok bool)
	// Compiled returns such a module that is compiled already, and is asked before
	// Require; nil if there is none of that name. The error says what is wrong with
	// its text, for the script. With either of the two there is a function require.
	Compiled func(name string) (*vm.Program, error)
	// Resolve says which module is meant by a name that a chunk asks for: its name in
	// the table of modules, and for Compiled and Require. If it says false, it can only
	// be a library's. If nil, every name means itself, whichever chunk asks.
	Resolve func(name, chunk string) (module string, ok bool)
	// Location is the time zone of os.time and os.date. If nil, it is UTC.
	Location *time.Location
}

// library is the state that the library's functions keep for one machine.
type library struct {
	options Options
	random  rand.PCG
	modules *vm.Table // what require returned, by name
	opened  []vm.Pair // for require: contents.libraries, as the globals first had them
	pause   int32     // collectgarbage's parameters, which do nothing
	stepMul int32
}

// libraryOf returns the state that Open gave c's machine.
func libraryOf(c *vm.Call) *library { return c.Machine().Library().(*library) }

// Trace counts what a script may reach through require alone.
func (l *library) Trace(w *vm.Walk) {
	if l.modules != nil {
		w.Value(l.modules.Value())
	}
	for _, p := range l.opened {
		w.Value(p.Value)
	}
}

// contents is what machines share of the library.
type contents struct {
	globals, withRequire *vm.Shared // the table of globals, without and with require
	strings              *vm.Shared
	libraries            []string // the names of the libraries' tables, and _G last
}

// The names are shared strings before any program is compiled: a constant is then the
// very key of the library's table, which is found by comparing pointers.
func init() {
	for _, e := range ledger() {
		vm.SharedString(e.library)
		vm.SharedString(e.name)
	}
	for _, c := range constants {
		vm.SharedString(c.name)
	}
}

// shared is the library in the ledger's order, the globals first, made once.
var shared = sync.OnceValue(func() (all contents) {
	var names []string // of the libraries
	members := map[string][]vm.Pair{}
	add := func(library, name string, v vm.Value) {
		if library != "" && members[library] == nil {
			names = append(names, library)
		}
		members[library] = append(members[library], vm.Pair{Name: name, Value: v})
	}
	for _, e := range ledger() {
		if e.fn != nil {
			add(e.library, e.name, e.fn.Value())
		}
	}
	for _, c := range constants {
		add(c.library, c.name, c.value)
	}
	for _, name := range names {
		library := vm.NewShared(members[name])
		if name == "string" {
			all.strings = library
		}
		add("", name, library.Table().Value())
	}
	all.libraries = append(names, "_G")
	all.withRequire = vm.NewShared(members[""])
	all.globals = vm.NewShared(slices.DeleteFunc(members[""], func(p vm.Pair) bool {
		return vm.RawEqual(p.Value, requireNative.Value())
	}))
	return all
})

// Open puts the library into m's globals and gives strings their methods. What
// it installs counts as little until a script writes to it: machines share it.
//
// It errs only if m's memory limit is too small for the library
// (*limits.Error), or if m has a library already.
func Open(m *vm.Machine, o Options) error {
	if m.Library() != nil {
		return fmt.Errorf("the machine has a library already")
	}
	if o.Now == nil {
		o.Now = fixedNow
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	l := &library{options: o, random: *newGenerator(o.Seed), pause: 200, stepMul: 200}
	if err := m.Reserve(limits.ThreadBytes); err != nil {
		return err
	}
	if o.Require != nil || o.Compiled != nil {
		modules, err := m.NewTable(0, 0)
		if err != nil {
			return err
		}
		l.modules = modules
	}
	m.SetLibrary(l)
	m.AddRoot(l)
	g := m.Globals()
	contents := shared()
	globals := contents.globals
	if o.Require != nil || o.Compiled != nil {
		globals = contents.withRequire
	}
	if err := m.Open(globals); err != nil {
		return err
	}
	if err := m.RawSet(g, keyGlobals, g.Value()); err != nil {
		return err
	}
	if o.Require != nil || o.Compiled != nil {
		if err := m.Reserve(int64(len(contents.libraries)) * 2 * limits.ValueBytes); err != nil {
			return err
		}
		l.opened = make([]vm.Pair, len(contents.libraries))
		for i, name := range contents.libraries {
			l.opened[i] = vm.Pair{Name: name, Value: g.GetString(name)}
		}
	}
	return openStrings(m, g.GetString("string"), contents.strings)
}

var keyGlobals = vm.SharedString("_G")

// openStrings makes s:upper() mean string.upper(s): first as the library has it,
// whatever a script did to its table, then as the table has it.
func openStrings(m *vm.Machine, library vm.Value, pristine *vm.Shared) error {
	mt, err := m.NewTable(0, 1)
	if err != nil {
		return err
	}
	if err := m.RawSet(mt, keyIndex, library); err != nil {
		return err
	}
	mt.SetReadOnly()
	m.SetTypeMetatable(vm.KindString, mt)
	m.SetStringMethods(pristine.Table())
	return nil
}
