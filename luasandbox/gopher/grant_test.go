package gopher_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/luasandbox/gopher"
	lua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"
)

// newSandbox returns a sandbox with grants.
func newSandbox(t testing.TB, l limits.Limits, grants ...*luasandbox.Grant) *luasandbox.Sandbox {
	t.Helper()
	s, err := luasandbox.New(luasandbox.Config{Grants: grants, Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// load runs a chunk in s.
func load(t testing.TB, s *luasandbox.Sandbox, source string) (luasandbox.Results, error) {
	t.Helper()
	p, err := luasandbox.Compile("test.lua", source, limits.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return s.Load(context.Background(), p)
}

// eval runs a chunk that must not fail.
func eval(t testing.TB, s *luasandbox.Sandbox, source string) luasandbox.Results {
	t.Helper()
	r, err := load(t, s, source)
	if err != nil {
		t.Fatalf("%s\n%v", source, err)
	}
	return r
}

// inventory is a module as it is written for gopher-lua: a loader, a type of userdata
// with methods, functions with callbacks.
type inventory struct {
	events []*lua.LFunction
	states map[*lua.LState]bool
}

type thing struct {
	name   string
	secret string
}

func (inv *inventory) load(L *lua.LState) int {
	if inv.states != nil {
		inv.states[L] = true
	}
	mt := L.NewTypeMetatable("thing")
	L.SetField(mt, "__index", L.SetFuncs(L.NewTable(), map[string]lua.LGFunction{
		"name": func(L *lua.LState) int {
			L.Push(lua.LString(checkThing(L).name))
			return 1
		},
		"rename": func(L *lua.LState) int {
			checkThing(L).name = L.CheckString(2)
			return 0
		},
		"secret": func(L *lua.LState) int {
			L.Push(lua.LString(checkThing(L).secret))
			return 1
		},
	}))
	mod := L.SetFuncs(L.NewTable(), inv.functions())
	mod.RawSetString("version", lua.LNumber(3))
	mod.RawSetString("author", lua.LString("ann"))
	mod.RawSetString("beta", lua.LTrue)
	mod.RawSetString("sub", L.NewTable())
	mod.RawSetString("luar", luar.New(L, func(n uint8) uint8 { return n }))
	L.Push(mod)
	return 1
}

func checkThing(L *lua.LState) *thing {
	if t, ok := L.CheckUserData(1).Value.(*thing); ok {
		return t
	}
	L.ArgError(1, "thing expected")
	return nil
}

func (inv *inventory) functions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"add": func(L *lua.LState) int {
			L.Push(L.CheckNumber(1) + L.CheckNumber(2))
			return 1
		},
		"echo": func(L *lua.LState) int { return L.GetTop() },
		"type": func(L *lua.LState) int {
			L.Push(lua.LString(L.Get(1).Type().String()))
			return 1
		},
		"new": func(L *lua.LState) int {
			u := L.NewUserData()
			u.Value = &thing{name: L.OptString(1, "rope"), secret: "dsn=secret"}
			u.Metatable = L.GetTypeMetatable("thing")
			L.Push(u)
			return 1
		},
		"bare": func(L *lua.LState) int {
			u := L.NewUserData()
			u.Value = &thing{name: "bare", secret: "dsn=secret"}
			L.Push(u)
			return 1
		},
		"nameOf": func(L *lua.LState) int {
			L.Push(lua.LString(checkThing(L).name))
			return 1
		},
		"each": func(L *lua.LState) int {
			list, fn := L.CheckTable(1), L.CheckFunction(2)
			sum := lua.LNumber(0)
			for i := 1; i <= list.Len(); i++ {
				L.Push(fn)
				L.Push(list.RawGetInt(i))
				L.Call(1, 1)
				sum += L.CheckNumber(-1)
				L.Pop(1)
			}
			L.Push(sum)
			return 1
		},
		"try": func(L *lua.LState) int {
			err := L.CallByParam(lua.P{Fn: L.CheckFunction(1), NRet: 0, Protect: true})
			L.Push(lua.LBool(err == nil))
			return 1
		},
		"on": func(L *lua.LState) int {
			inv.events = append(inv.events, L.CheckFunction(1))
			return 0
		},
		"raise":   func(L *lua.LState) int { L.RaiseError("no room for %d things", 5); return 0 },
		"panics":  func(L *lua.LState) int { panic("dsn=secret") },
		"raiseT":  func(L *lua.LState) int { L.Error(L.NewTable(), 1); return 0 },
		"cycle":   func(L *lua.LState) int { t := L.NewTable(); t.RawSetString("t", t); L.Push(t); return 1 },
		"many":    func(L *lua.LState) int { return push(L, 1000) },
		"flood":   func(L *lua.LState) int { return push(L, 1<<20) },
		"channel": func(L *lua.LState) int { L.Push(lua.LChannel(make(chan lua.LValue))); return 1 },
		"closure": func(L *lua.LState) int { L.Push(L.NewFunction(func(*lua.LState) int { return 0 })); return 1 },
		"yield":   func(L *lua.LState) int { return L.Yield(lua.LTrue) },
		"globals": func(L *lua.LState) int {
			n := 0
			L.Get(lua.GlobalsIndex).(*lua.LTable).ForEach(func(lua.LValue, lua.LValue) { n++ })
			L.Push(lua.LNumber(n))
			return 1
		},
		"context": func(L *lua.LState) int {
			v, _ := L.Context().Value(contextKey{}).(string)
			L.Push(lua.LString(v))
			return 1
		},
	}
}

type contextKey struct{}

func push(L *lua.LState, n int) int {
	for range n {
		L.Push(lua.LTrue)
	}
	return n
}

func (inv *inventory) grant(parts ...gopher.Part) *luasandbox.Grant {
	return gopher.NewGrant("inv", "Things.", append(parts,
		gopher.Loader(inv.load, "add", "echo", "type", "new", "bare", "nameOf", "each", "try", "on", "raise", "panics", "raiseT",
			"cycle", "many", "flood", "channel", "closure", "yield", "globals", "context", "version", "author", "beta"),
		gopher.Userdata("thing", "name", "rename"),
	)...)
}

func TestModule(t *testing.T) {
	for _, tt := range []struct {
		source string
		want   luasandbox.Results
	}{
		{`return inv.add(1, 2), inv.version, inv.author, inv.beta`, luasandbox.Results{3.0, 3.0, "ann", true}},
		{`return inv.echo(nil, true, 1.5, "x", {1,2}, {a={b=1}}, {[1]=1, x=2, [-1]=3, [0.5]=4, [true]=5})`,
			luasandbox.Results{nil, true, 1.5, "x", []any{1.0, 2.0}, map[string]any{"a": map[string]any{"b": 1.0}}, map[any]any{1.0: 1.0, "x": 2.0, -1.0: 3.0, 0.5: 4.0, true: 5.0}}},
		{`return inv.echo()`, luasandbox.Results{}},
		{`return inv.echo({}, {{}}, {nil, 2})`, luasandbox.Results{map[string]any{}, []any{map[string]any{}}, map[any]any{2.0: 2.0}}},
		{`return inv.type(nil), inv.type(1), inv.type({}), inv.type(print), inv.type(inv.new())`, luasandbox.Results{"nil", "number", "table", "function", "userdata"}},
		{`return inv.each({1,2,3}, function(n) return n * n end)`, luasandbox.Results{14.0}},
		{`return inv.each({1,2}, function(n) return inv.each({10}, function(m) return n + m end) end)`, luasandbox.Results{23.0}},
		{`return inv.try(function() end), inv.try(function() error("x") end)`, luasandbox.Results{true, false}},
		// Userdata: the named methods and no others; one handle for one thing.
		{`local t = inv.new("axe") t:rename("adze") return t:name(), t.secret, inv.nameOf(t), type(t)`, luasandbox.Results{"adze", nil, "adze", "userdata"}},
		{`local t = inv.new() return inv.echo(t) == t, inv.echo({t})[1] == t, inv.new() == t, ({[t]=1})[inv.echo(t)]`, luasandbox.Results{true, true, false, 1.0}},
		{`local t = inv.bare() return t.name, inv.nameOf(t), (tostring(t):gsub("%d+", "n")), (tostring(inv.new()):gsub("%d+", "n"))`, luasandbox.Results{nil, "bare", "userdata: n", "thing: n"}},
		// The state has no library, and nothing of the script's.
		{`x = 1 return inv.globals()`, luasandbox.Results{0.0}},
		{`return inv.sub, inv.luar, inv.secret`, luasandbox.Results{nil, nil, nil}},
	} {
		s := newSandbox(t, limits.Limits{}, new(inventory).grant())
		if diff := cmp.Diff(tt.want, eval(t, s, tt.source)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.source, diff)
		}
	}
	s := newSandbox(t, limits.Limits{}, new(inventory).grant())
	p, err := luasandbox.Compile("test.lua", `return inv.context()`, limits.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Load(context.WithValue(context.Background(), contextKey{}, "v"), p)
	if diff := cmp.Diff(luasandbox.Results{"v"}, r); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestModuleErrors(t *testing.T) {
	var log bytes.Buffer
	s, err := luasandbox.New(luasandbox.Config{Grants: []*luasandbox.Grant{new(inventory).grant()}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, tt := range []struct{ source, want string }{
		{`inv.raise()`, "no room for 5 things"},
		{`inv.add(1, {})`, "bad argument #2 to 'add' (number expected, got table)"},
		{`inv.panics()`, "host error [1]"},
		{`inv.raiseT()`, "(error object is a table value)"},
		{`inv.cycle()`, "host error [2]"},
		{`inv.many()`, "host error [3]"},
		{`inv.flood()`, "registry overflow"},
		{`inv.channel()`, "host error [4]"},
		{`inv.closure()`, "host error [5]"},
		{`inv.yield()`, "can not yield from outside of a coroutine"},
		{`inv.echo(unpack({}, 1, 300))`, "too many arguments (199 at most)"},
		{`inv.echo({[67108863]=1})`, "bad argument (a table with gaps: 1 elements, and one at 6.7108863e+07)"},
		{`inv.echo({[{}]=1})`, "bad argument #1 to 'echo' (at [table]: string, number or boolean as key expected, got table)"},
		{`inv.each({1}, function() error("boom") end)`, "test.lua:1: boom"},
		{`inv.each({1}, function() return "x" end)`, "bad argument #-1 to 'each' (number expected, got string)"},
		{`inv.each({1}, function() return function() end end)`, "the script's function failed"},
		{`inv.each({1}, function() return {function() end} end)`, "the script's function failed"},
		{`local t = inv.new() t.rename(inv.bare(), "x")`, "calling 'rename' on bad self (thing expected, got userdata)"},
		{`local t = inv.new() t:rename({})`, "bad argument #2 to 'rename' (string expected, got table)"},
		{`inv.new().name = 1`, "attempt to index a userdata value"},
		{`return inv.new() ^ {}`, "attempt to perform arithmetic on a userdata value"},
		{`return -inv.new()`, "attempt to perform arithmetic on a userdata value"},
		{`inv.add = nil`, "attempt to modify a read-only table"},
	} {
		r := must(load(t, s, `local ok, e = pcall(function() `+tt.source+` end) return ok, e`))(t)
		if got, ok := r[1].(string); r[0] != false || !ok || !strings.HasSuffix(got, tt.want) && !strings.HasPrefix(tt.want, "the script's") {
			t.Errorf("%s: %v, want %q", tt.source, r, tt.want)
		}
	}
	if !strings.Contains(log.String(), "dsn=secret") {
		t.Errorf("the panic is not in the log: %s", log.String())
	}
	// The state is none the worse for all that.
	if diff := cmp.Diff(luasandbox.Results{3.0, 14.0}, eval(t, s, `return inv.add(1, 2), inv.each({1,2,3}, function(n) return n * n end)`)); diff != "" {
		t.Error(diff)
	}
	// A table as the error of a callback comes back as that table.
	if diff := cmp.Diff(luasandbox.Results{false, true}, eval(t, s, `local e = {} local ok, got = pcall(inv.each, {1}, function() error(e) end) return ok, got == e`)); diff != "" {
		t.Error(diff)
	}
}

// must returns a function that fails the test on an error.
func must(r luasandbox.Results, err error) func(t *testing.T) luasandbox.Results {
	return func(t *testing.T) luasandbox.Results {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// Each sandbox has a state of its own, made when it is needed.
func TestStates(t *testing.T) {
	inv := &inventory{states: map[*lua.LState]bool{}}
	grant := inv.grant()
	if len(inv.states) != 1 {
		t.Errorf("the declaration made %d states, want 1", len(inv.states))
	}
	a, b := newSandbox(t, limits.Limits{}, grant), newSandbox(t, limits.Limits{}, grant)
	if len(inv.states) != 1 {
		t.Errorf("%d states before anything is called", len(inv.states))
	}
	eval(t, a, `inv.add(1, 2) inv.add(1, 2)`)
	eval(t, b, `inv.add(1, 2)`)
	if len(inv.states) != 3 {
		t.Errorf("%d states, want one for each sandbox and the declaration's", len(inv.states))
	}
}

// Kept callbacks run later in calls of their own; others do not run later.
func TestKeptCallbacks(t *testing.T) {
	for _, keep := range []bool{false, true} {
		inv := &inventory{}
		var parts []gopher.Part
		if keep {
			parts = append(parts, gopher.KeepCallbacks())
		}
		s := newSandbox(t, limits.Limits{Instructions: 100_000}, inv.grant(parts...))
		eval(t, s, `n = 0 inv.on(function(by) n = n + by return n end) inv.on(function() while true do end end)`)
		call := func(i int, args ...lua.LValue) (lua.LValue, error) {
			fn := inv.events[i]
			L := lua.NewState(lua.Options{SkipOpenLibs: true})
			defer L.Close()
			err := L.CallByParam(lua.P{Fn: fn, NRet: 1, Protect: true}, args...)
			if err != nil {
				return nil, err
			}
			return L.Get(-1), nil
		}
		v, err := call(0, lua.LNumber(5))
		if keep && (err != nil || v != lua.LNumber(5)) || !keep && err == nil {
			t.Errorf("keep %v: %v, %v", keep, v, err)
		}
		if _, err := call(1); err == nil {
			t.Errorf("keep %v: an endless callback ended", keep)
		}
		n, err := s.Global("n")
		if want := map[bool]any{false: 0.0, true: 5.0}[keep]; err != nil || n != want {
			t.Errorf("keep %v: n is %v, %v", keep, n, err)
		}
	}
}

// Callbacks, arguments and results are charged to the script.
func TestCharges(t *testing.T) {
	inv := &inventory{}
	s := newSandbox(t, limits.Limits{Instructions: 2_000_000, Memory: 8 << 20}, inv.grant())
	for _, tt := range []struct {
		source string
		kind   limits.Kind
	}{
		{`pcall(inv.each, {1}, function() while true do end end) return "ESCAPED"`, limits.Instructions},
		{`inv.try(function() while true do end end) return "ESCAPED"`, limits.Instructions},
		{`local t = {} for i = 1, 10000 do t[i] = {x=i} end for i = 1, 100 do pcall(inv.echo, t) end return "ESCAPED"`, limits.Instructions},
	} {
		r, err := load(t, s, tt.source)
		var limit *limits.Error
		if !errors.As(err, &limit) || limit.Kind != tt.kind {
			t.Errorf("%s: %v, %v", tt.source, r, err)
		}
	}
	// One call cannot take more than the sandbox may hold, in tables of gopher-lua's.
	small := newSandbox(t, limits.Limits{Memory: 2 << 20}, inv.grant())
	for _, source := range []string{
		`local t = {} for i = 1, 5000 do t[i] = {} end inv.echo(t)`,
		`inv.try(function() local t = {} while true do t[#t+1] = {} end end) return "ESCAPED"`,
	} {
		_, err := load(t, small, source)
		var limit *limits.Error
		if !errors.As(err, &limit) || limit.Kind != limits.Memory {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestDeclarationErrors(t *testing.T) {
	fine := func(*lua.LState) int { return 0 }
	inv := &inventory{}
	luarFunction := func() lua.LGFunction {
		L := lua.NewState()
		defer L.Close()
		return luar.New(L, func(n uint8) uint8 { return n }).(*lua.LFunction).GFunction
	}()
	type noMethods struct{ A int }
	for _, tt := range []struct {
		name  string
		parts []gopher.Part
		want  string
	}{
		{"fine", []gopher.Part{gopher.Func("f", fine), gopher.Typed(luasandbox.Value("v", 1))}, ""},
		{"nil function", []gopher.Part{gopher.Func("f", nil)}, "f: the module has no function of this name"},
		{"luar's function", []gopher.Part{gopher.Func("f", luarFunction)}, "f: the function was made by luar"},
		{"export", []gopher.Part{gopher.Exports(inv.functions(), "add", "nothing")}, "nothing: the module has no function"},
		{"twice", []gopher.Part{gopher.Func("f", fine), gopher.Func("f", fine)}, "f: two members have this name"},
		{"name", []gopher.Part{gopher.Func("f g", fine)}, `"f g"`},
		{"nil loader", []gopher.Part{gopher.Loader(nil, "f")}, "a loader is nil"},
		{"loader without table", []gopher.Part{gopher.Loader(fine, "f")}, "the loader returned no table"},
		{"loader that fails", []gopher.Part{gopher.Loader(func(L *lua.LState) int { L.RaiseError("no"); return 0 }, "f")}, "the loader failed: no"},
		{"loader that panics", []gopher.Part{gopher.Loader(func(L *lua.LState) int { panic("no") }, "f")}, "the loader failed"},
		{"missing", []gopher.Part{gopher.Loader(inv.load, "add", "nothing")}, "nothing: the module has nothing of this name"},
		{"table", []gopher.Part{gopher.Loader(inv.load, "sub")}, "sub: the module has a table"},
		{"luar in a module", []gopher.Part{gopher.Loader(inv.load, "luar")}, "luar: the function was made by luar"},
		{"Lua in a module", []gopher.Part{gopher.Loader(func(L *lua.LState) int {
			if err := L.DoString(`return {f = function() end}`); err != nil {
				panic(err)
			}
			return 1
		}, "f")}, "f: the function is written in Lua"},
		{"userdata twice", []gopher.Part{gopher.Userdata("u"), gopher.Userdata("u")}, "u: two types of userdata have this name"},
		{"userdata's name", []gopher.Part{gopher.Userdata("a.b")}, "the name of a type of handles is a Lua name"},
		{"nil object", []gopher.Part{gopher.Object("o", nil, gopher.Method("X"))}, "o: want a pointer to a struct"},
		{"nil pointer", []gopher.Part{gopher.Object("o", (*noMethods)(nil), gopher.Field("A", gopher.Read))}, "o: want a pointer to a struct"},
		{"struct", []gopher.Part{gopher.Object("o", noMethods{}, gopher.Field("A", gopher.Read))}, "o: want a pointer to a struct"},
		{"map", []gopher.Part{gopher.Object("o", map[string]int{}, gopher.Field("A", gopher.Read))}, "o: want a pointer to a struct"},
		{"channel", []gopher.Part{gopher.Object("o", make(chan int), gopher.Field("A", gopher.Read))}, "o: want a pointer to a struct"},
		{"no parts", []gopher.Part{gopher.Object("o", &noMethods{})}, "o: no parts are named"},
		{"access", []gopher.Part{gopher.Object("o", &noMethods{}, gopher.Field("A", 0))}, "noMethods.A: want Read, Write or both"},
		{"write only", []gopher.Part{gopher.Object("o", &noMethods{}, gopher.Field("A", gopher.Write))}, "want Read|Write"},
		{"no field", []gopher.Part{gopher.Object("o", &noMethods{}, gopher.Field("B", gopher.Read))}, "luar knows no such field"},
		{"no method", []gopher.Part{gopher.Object("o", &noMethods{}, gopher.Method("A"))}, "there is no such method"},
		{"nil guard", []gopher.Part{gopher.Object("o", &noMethods{}, gopher.Guard(nil))}, "the guard is nil"},
		{"type twice", []gopher.Part{gopher.Type("T", (*noMethods)(nil)), gopher.Type("U", (*noMethods)(nil))}, "U: *gopher_test.noMethods is declared twice"},
		{"type of no pointer", []gopher.Part{gopher.Type("T", 5)}, "T: want a pointer to a struct, got int"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := gopher.NewGrant("g", "", tt.parts...).Err()
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var declared *luasandbox.DeclarationError
			if !errors.As(err, &declared) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
