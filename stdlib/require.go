package stdlib

import (
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// maxModuleName is the length of a module's name, in bytes.
const maxModuleName = 200

// moduleName reports whether name is made of letters, digits and "_.-/" only,
// and could not lead out of a folder: no part of it, between dots or slashes, is
// empty.
func moduleName(name string) bool {
	if name == "" || len(name) > maxModuleName {
		return false
	}
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '.' || r == '/' })
	if strings.Count(name, ".")+strings.Count(name, "/") != len(parts)-1 {
		return false
	}
	for i := 0; i < len(name); i++ {
		switch ch := name[i]; {
		case digitOf(ch) < 36, ch == '_', ch == '.', ch == '-', ch == '/':
		default:
			return false
		}
	}
	return true
}

// loadingMark stands in the table of modules for one whose code has begun to run.
var loadingMark = native("module that is being loaded", func(c *vm.Call) error {
	return c.Errorf("a module that is being loaded is no function")
}).Value()

var requireNative = native("require", baseRequire)

func baseRequire(c *vm.Call) error {
	name, err := c.CheckString(0)
	if err != nil {
		return err
	}
	if !moduleName(name) {
		return c.Errorf("module '%s' not found: a module's name is made of letters, digits, '_' and '-', with single '.' or '/' between", clip(name))
	}
	l, m := libraryOf(c), c.Machine()
	asked, own := name, true
	if l.options.Resolve != nil {
		chunk, _ := c.Site()
		if name, own = l.options.Resolve(name, chunk); !own {
			name = asked
		}
	}
	if !own {
		t := l.table(name)
		if t.IsNil() {
			return c.Errorf("module '%s' not found", name)
		}
		return c.Return(t)
	}
	key, err := c.NewString(name)
	if err != nil {
		return err
	}
	if err := c.Work(vm.KeyWork(key)); err != nil {
		return err
	}
	if have := l.modules.Get(key); have.Truthy() {
		if vm.RawEqual(have, loadingMark) {
			return c.Errorf("loop or previous error loading module '%s'", name)
		}
		return c.Return(have)
	}
	if err := c.Work(limits.HostCall); err != nil {
		return err
	}
	fn, problem, found, err := findModule(c, l, name)
	if err != nil {
		return err
	}
	if !found {
		t := l.table(name)
		if t.IsNil() {
			return c.Errorf("module '%s' not found", name)
		}
		if err := m.RawSet(l.modules, key, t); err != nil {
			return err
		}
		return c.Return(t)
	}
	if problem != "" {
		return c.Errorf("error loading module '%s':\n\t%s", name, problem)
	}
	if err := m.RawSet(l.modules, key, loadingMark); err != nil {
		return err
	}
	return c.Call(&requiring{key}, fn, key)
}

// findModule returns a module's function; or in problem what is wrong with its text.
func findModule(c *vm.Call, l *library, name string) (fn vm.Value, problem string, found bool, err error) {
	if l.options.Compiled != nil {
		p, err := l.options.Compiled(name)
		if err != nil {
			return vm.Nil, err.Error(), true, nil
		}
		if p != nil {
			f, err := c.Machine().Load(p, c.Machine().Globals())
			if err != nil {
				return vm.Nil, "", true, err
			}
			return f.Value(), "", true, nil
		}
	}
	if l.options.Require == nil {
		return vm.Nil, "", false, nil
	}
	chunk, text, ok := l.options.Require(name)
	if !ok {
		return vm.Nil, "", false, nil
	}
	fn, problem, err = compile(c, chunk, text)
	return fn, problem, true, err
}

// table returns the table of the library called name, or of the globals for _G;
// nil if there is none. As with C Lua's package.loaded, it is the one that the
// sandbox began with, whatever the script has made of the global variable since.
func (l *library) table(name string) vm.Value {
	for _, p := range l.opened {
		if p.Name == name {
			return p.Value
		}
	}
	return vm.Nil
}

// requiring is a module whose code runs.
type requiring struct{ key vm.Value }

// Resume keeps and returns what the module returned, or true.
func (r *requiring) Resume(c *vm.Call) error {
	module := c.Arg(0)
	if module.IsNil() {
		module = vm.True
	}
	if err := c.Machine().RawSet(libraryOf(c).modules, r.key, module); err != nil {
		return err
	}
	return c.Return(module)
}

// Trace counts the module's name.
func (r *requiring) Trace(w *vm.Walk) { w.Value(r.key) }
