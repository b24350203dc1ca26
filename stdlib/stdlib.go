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
	// '-', in parts that are not empty, with '.' or '/' between them. If nil, the
	// function require is absent.
	Require func(name string) (chunk, text string, ok bool)
	// Location is the time zone of os.time and os.date. If nil, it is UTC.
	Location *time.Location
}

// library is the state that the library's functions keep for one machine.
type library struct {
	options Options
	random  *rand.PCG
	modules *vm.Table // what require returned, by name
	pause   int32     // collectgarbage's parameters, which do nothing
	stepMul int32
}

// libraryOf returns the state that Open gave c's machine.
func libraryOf(c *vm.Call) *library { return c.Machine().Library().(*library) }

// Trace counts the modules, which a script reaches through require alone.
func (l *library) Trace(w *vm.Walk) {
	if l.modules != nil {
		w.Value(l.modules.Value())
	}
}

// contents is what one library holds: shared by all machines, made once.
type contents struct {
	name    string
	members []vm.Pair
	shared  *vm.Shared
}

// allContents lists the libraries in the ledger's order, the globals first.
var allContents = sync.OnceValue(func() []contents {
	var all []contents
	index := map[string]int{}
	add := func(library, name string, v vm.Value) {
		i, ok := index[library]
		if !ok {
			i = len(all)
			index[library] = i
			all = append(all, contents{name: library})
		}
		all[i].members = append(all[i].members, vm.Pair{Name: name, Value: v})
	}
	for _, e := range ledger() {
		if e.fn != nil {
			add(e.library, e.name, e.fn.Value())
		}
	}
	for _, c := range constants {
		add(c.library, c.name, c.value)
	}
	for i := range all {
		all[i].shared = vm.NewShared(all[i].members)
	}
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
	l := &library{options: o, random: newGenerator(o.Seed), pause: 200, stepMul: 200}
	if err := m.Reserve(limits.ThreadBytes); err != nil {
		return err
	}
	if o.Require != nil {
		modules, err := m.NewTable(0, 0)
		if err != nil {
			return err
		}
		l.modules = modules
	}
	m.SetLibrary(l)
	m.AddRoot(l)
	return install(m, o)
}

func install(m *vm.Machine, o Options) error {
	g := m.Globals()
	for _, l := range allContents() {
		if l.name == "" {
			for _, p := range l.members {
				if vm.RawEqual(p.Value, requireNative.Value()) && o.Require == nil {
					continue
				}
				if err := m.SetString(g, p.Name, p.Value); err != nil {
					return err
				}
			}
			continue
		}
		lib := m.Borrow(l.shared)
		if err := m.SetString(g, l.name, lib.Value()); err != nil {
			return err
		}
		if l.name == "string" {
			if err := openStrings(m, lib, l.shared); err != nil {
				return err
			}
		}
	}
	return m.SetString(g, "_G", g.Value())
}

// openStrings makes s:upper() mean string.upper(s): first as the library has it,
// whatever a script did to its table, then as the table has it.
func openStrings(m *vm.Machine, lib *vm.Table, pristine *vm.Shared) error {
	mt, err := m.NewTable(0, 1)
	if err != nil {
		return err
	}
	if err := m.RawSet(mt, keyIndex, lib.Value()); err != nil {
		return err
	}
	mt.SetReadOnly()
	m.SetTypeMetatable(vm.KindString, mt)
	m.SetStringMethods(pristine.Table())
	return nil
}
