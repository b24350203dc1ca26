package gopher_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/luasandbox/gopher"
	lua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"
)

// base is embedded, and promotes what scripts have no business with.
type base struct{ Inner string }

func (*base) Token() string { return "TOKEN" }

type place struct {
	X    int `lua:"x"`
	Y    int `lua:"y"`
	Note string
}

// world is a host object with everything that luar makes something of.
type world struct {
	base
	mu sync.Mutex
	sync.RWMutex

	HP       uint8
	Speed    float32
	Title    string `luar:"title"`
	Hidden   string `luar:"-"`
	Tags     []string
	At       place
	Levels   map[string]int
	Deep     map[string][]map[string]int
	Anything any
	Events   chan int
	Open2    func(string) (*os.File, error)
	Friend   *monster
	token    string

	later func(int) bool
}

type monster struct {
	Kind   string
	secret string
}

func (m *monster) Growl() string           { return m.Kind + "!" }
func (m *monster) Fight(o *monster) string { return m.Kind + ">" + o.Kind }

func (w *world) String() string                                 { return "world with " + w.token }
func (w *world) Open(path string) (*os.File, error)             { return os.Open(path) }
func (w *world) U8(n uint8) uint8                               { return n }
func (w *world) Int(n int) int                                  { return n }
func (w *world) Sum(base float64, more ...int) float64          { return base + float64(len(more)) }
func (w *world) TakeAny(v any) string                           { return fmt.Sprintf("%T", v) }
func (w *world) Boom()                                          { panic("dsn=secret") }
func (w *world) Chan() chan int                                 { return w.Events }
func (w *world) Each(n int, f func(int) int) (sum int)          { return each(n, f) }
func (w *world) Try(f func(string) (bool, error)) (bool, error) { return f("x") }
func (w *world) All(f func(...int))                             { f(1, 2, 3) }
func (w *world) Maybe(m *monster, f func()) string              { return fmt.Sprint(m == nil, f == nil) }
func (w *world) Later(f func(int) bool)                         { w.later = f }
func (w *world) Background(f func(int) bool) bool {
	done := make(chan bool)
	go func() { done <- f(1) }()
	return <-done
}
func (w *world) Map() map[string]int        { return w.Levels }
func (w *world) Big() uint64                { return 1<<63 + 1 }
func (w *world) Spawn(kind string) *monster { return &monster{Kind: kind, secret: "dsn=secret"} }
func (w *world) Pair() []*monster           { return []*monster{{Kind: "a"}, {Kind: "b"}} }
func (w *world) Befriend(m *monster)        { w.Friend = m }
func (w *world) FriendOf() *monster         { return w.Friend }
func (w *world) Dynamic(what string) any {
	return map[string]any{"monster": &monster{Kind: "dyn"}, "number": 7, "channel": w.Events, "none": nil, "typed": (*monster)(nil)}[what]
}
func (w *world) Who(ctx context.Context, name string) string {
	return fmt.Sprintf("%v %s", ctx.Value(contextKey{}), name)
}
func (w *world) Fail(text string) error { return errors.New(text) }
func (w *world) Say(text string) error  { return luasandbox.Errorf("%s", text) }
func (w *world) Old(L *luar.LState) int {
	L.Push(lua.LNumber(L.CheckInt(1) * 2))
	L.Push(lua.LString(w.Title))
	return 2
}

func each(n int, f func(int) int) (sum int) {
	for i := range n {
		sum += f(i)
	}
	return sum
}

func newWorld() *world {
	return &world{HP: 10, Title: "Oz", Hidden: "dsn=secret", token: "dsn=secret", Tags: []string{"a"},
		Levels: map[string]int{"b": 2, "a": 1}, Events: make(chan int, 1), Open2: os.Open, At: place{1, 2, "dsn=secret"}}
}

func (w *world) grant(parts ...gopher.Part) *luasandbox.Grant {
	return gopher.NewGrant("", "", append(parts,
		gopher.Object("h", w, gopher.Guard(&w.mu),
			gopher.Field("HP", gopher.Read|gopher.Write), gopher.Field("hP", gopher.Read), gopher.Field("Speed", gopher.Read|gopher.Write),
			gopher.Field("title", gopher.Read), gopher.Field("Tags", gopher.Read|gopher.Write), gopher.Field("At", gopher.Read|gopher.Write),
			gopher.Field("Levels", gopher.Read|gopher.Write), gopher.Field("Deep", gopher.Read), gopher.Field("Anything", gopher.Read|gopher.Write),
			gopher.Field("Friend", gopher.Read|gopher.Write),
			gopher.Method("Open"), gopher.Method("U8"), gopher.Method("u8"), gopher.Method("Int"), gopher.Method("Sum"), gopher.Method("TakeAny"), gopher.Method("Boom"),
			gopher.Method("Each"), gopher.Method("Try"), gopher.Method("All"), gopher.Method("Maybe", luasandbox.Params("m", "f"), luasandbox.Optional("m", "f")), gopher.Method("Later"), gopher.Method("Background"),
			gopher.Method("Map"), gopher.Method("Big"), gopher.Method("Spawn"), gopher.Method("Pair"), gopher.Method("Befriend"), gopher.Method("FriendOf"),
			gopher.Method("Dynamic"), gopher.Method("Who"), gopher.Method("Fail"), gopher.Method("Say"), gopher.Method("Old", luasandbox.Cost(1000)),
		),
		gopher.Type("Monster", (*monster)(nil), gopher.Method("Growl"), gopher.Method("Fight"), gopher.Field("Kind", gopher.Read)),
	)...)
}

func TestObject(t *testing.T) {
	for _, tt := range []struct {
		source string
		want   luasandbox.Results
	}{
		{`h.HP = 200 return h.HP, h.hP, h.title`, luasandbox.Results{200.0, 200.0, "Oz"}},
		{`h.Speed = 0.5 return h.Speed`, luasandbox.Results{0.5}},
		// What is read is a copy, what is written is copied.
		{`local t = h.Tags return pcall(function() t[1] = "z" end), pcall(function() h.Tags[2] = "y" end), h.Tags`, luasandbox.Results{false, false, []any{"a"}}},
		{`local t = {"x", "y"} h.Tags = t t[1] = "z" return h.Tags`, luasandbox.Results{[]any{"x", "y"}}},
		{`return pcall(function() h.At.x = 9 end), h.At`, luasandbox.Results{false, map[string]any{"x": 1.0, "y": 2.0}}},
		{`h.At = {x=3, y=4} return h.At`, luasandbox.Results{map[string]any{"x": 3.0, "y": 4.0}}},
		{`local m = h:Map() m.c = 3 return h.Levels, h:Map()`, luasandbox.Results{map[string]any{"a": 1.0, "b": 2.0}, map[string]any{"a": 1.0, "b": 2.0}}},
		{`h.Levels = {c=3} return h.Levels, h.Deep`, luasandbox.Results{map[string]any{"c": 3.0}, map[string]any{}}},
		{`h.Anything = {1, {a="b"}} return h.Anything`, luasandbox.Results{[]any{1.0, map[string]any{"a": "b"}}}},
		{`h.Anything = nil return h.Anything`, luasandbox.Results{nil}},
		{`return h:U8(255), h:u8(1), h:Int(-5), h:Sum(1.5), h:Sum(1.5, 1, 2)`, luasandbox.Results{255.0, 1.0, -5.0, 1.5, 3.5}},
		{`return h:TakeAny(nil), h:TakeAny(1), h:TakeAny("x"), h:TakeAny{1}, h:TakeAny{a=1}`, luasandbox.Results{"<nil>", "float64", "string", "[]interface {}", "map[string]interface {}"}},
		// Callbacks.
		{`return h:Each(4, function(i) return i * 10 end)`, luasandbox.Results{60.0}},
		{`return h:Try(function(s) return s == "x" end)`, luasandbox.Results{true}},
		{`local n = 0 h:All(function(...) n = select("#", ...) end) return n`, luasandbox.Results{3.0}},
		{`return h:Each(2, function(i) return h:Each(2, function(j) return i + j + h.HP - 10 end) end)`, luasandbox.Results{4.0}},
		// Handles.
		{`local m = h:Spawn("orc") return m:Growl(), m.Kind, m.secret, m.String, h:Spawn("elf"):Fight(m)`, luasandbox.Results{"orc!", "orc", nil, nil, "elf>orc"}},
		{`local m = h:Spawn("orc") h:Befriend(m) return h:FriendOf() == m, h.Friend == m, ({[m]=1})[h.Friend], h:FriendOf():Growl()`, luasandbox.Results{true, true, 1.0, "orc!"}},
		{`h.Friend = h:Spawn("elf") return h.Friend.Kind, h:FriendOf() == h.Friend`, luasandbox.Results{"elf", true}},
		{`local p = h:Pair() return p[1].Kind, p[2]:Growl(), #p`, luasandbox.Results{"a", "b!", 2.0}},
		{`return h:FriendOf(), h.Friend, h:Dynamic("none"), h:Dynamic("typed"), h:Dynamic("number"), h:Dynamic("monster").Kind`, luasandbox.Results{nil, nil, nil, nil, 7.0, "dyn"}},
		{`return h:Maybe(), h:Maybe(h:Spawn("x"), print)`, luasandbox.Results{"true true", "false false"}},
		// The old signature, with its own checks.
		{`return h:Old(21)`, luasandbox.Results{42.0, "Oz"}},
		{`return type(h), getmetatable(h), (tostring(h):gsub("%d+", "n"))`, luasandbox.Results{"userdata", "world", "world: n"}},
	} {
		s := newSandbox(t, limits.Limits{}, newWorld().grant())
		if diff := cmp.Diff(tt.want, eval(t, s, tt.source)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.source, diff)
		}
	}
	s := newSandbox(t, limits.Limits{}, newWorld().grant())
	p, err := luasandbox.Compile("test.lua", `return h:Who("ann")`, limits.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Load(context.WithValue(context.Background(), contextKey{}, "v"), p)
	if diff := cmp.Diff(luasandbox.Results{"v ann"}, r); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestObjectErrors(t *testing.T) {
	s := newSandbox(t, limits.Limits{}, newWorld().grant())
	for _, tt := range []struct{ source, want string }{
		{`h.HP = 300`, "cannot set 'HP' of world (integer in 0..255 expected, got 300)"},
		{`h.HP = 1.5`, "cannot set 'HP' of world (integer in 0..255 expected, got 1.5)"},
		{`h.Speed = 1e39`, "cannot set 'Speed' of world (number of 32 bits expected, got 1e+39)"},
		{`h.title = "x"`, "field 'title' of world is read-only"},
		{`h.At = {x=1, y=2, Note="x"}`, `cannot set 'At' of world (unknown key "Note")`},
		{`h.Friend = h`, "cannot set 'Friend' of world"},
		{`h:Befriend(h)`, "bad argument #1 to 'Befriend'"},
		{`h:Int(2^63)`, "bad argument #1 to 'Int' (integer in"},
		{`h:Sum(1, 2.5)`, "bad argument #2 to 'Sum' (integer in"},
		{`h:Each(1, 5)`, "bad argument #2 to 'Each' (function expected, got 5)"},
		{`h:Each(1, function() return "x" end)`, "callback: "},
		{`h:Each(1, function() return 1.5 end)`, "callback: "},
		{`h:Each(1, function() error("boom") end)`, "test.lua:1: boom"},
		{`h:Try(function() error("boom") end)`, "test.lua:1: boom"},
		{`h:Each(1, function() return function() end end)`, "a callback of the game's returned a function"},
		{`h:Fail("dsn=secret")`, "host error ["},
		{`h:Boom()`, "host error ["},
		{`h:Big()`, "host error ["},
		{`h:Dynamic("channel")`, "host error ["},
		{`h:Say("hello")`, "hello"},
		{`h:Old("x")`, "bad argument #1 to 'Old' (number expected, got string)"},
		{`h.U8(h:Spawn("x"), 1)`, "calling 'U8' on bad self (world expected, got Monster)"},
		{`h.Other = 1`, `world has no field "Other"`},
	} {
		r := eval(t, s, `local ok, e = pcall(function() `+tt.source+` end) return ok, e`)
		if got, ok := r[1].(string); r[0] != false || !ok || !strings.Contains(got, tt.want) || strings.Contains(got, "secret") {
			t.Errorf("%s: %v, want %q", tt.source, r, tt.want)
		}
	}
}

// A callback that fails leaves the Go method the way a panic does, on the goroutine of
// the call; on another one it gives zero values, since a panic would end the process.
func TestCallbackFailures(t *testing.T) {
	w := newWorld()
	s := newSandbox(t, limits.Limits{Instructions: 200_000}, w.grant())
	calls := func(source string) float64 {
		return eval(t, s, `n = 0 pcall(function() `+source+` end) return n`)[0].(float64)
	}
	if n := calls(`h:Each(1000, function() n = n + 1 error("x") end)`); n != 1 {
		t.Errorf("a failed callback was called %v times", n)
	}
	if r := eval(t, s, `return h:Background(function() error("x") end)`); r[0] != false {
		t.Errorf("%v", r)
	}
	if r := eval(t, s, `return h:Background(function() return true end)`); r[0] != true {
		t.Errorf("%v", r)
	}
	_, err := load(t, s, `pcall(h.Each, h, 10, function() while true do end end) return "ESCAPED"`)
	var limit *limits.Error
	if !errors.As(err, &limit) || limit.Kind != limits.Instructions {
		t.Errorf("%v", err)
	}
	// The guard was given back each time.
	eval(t, s, `return h.HP`)

	// Later: nothing, and no harm to the host's goroutine; unless it is declared.
	eval(t, s, `n = 0 h:Later(function(i) n = n + i return true end)`)
	if w.later(5) {
		t.Error("a callback was called after its call")
	}
	kept := newWorld()
	s = newSandbox(t, limits.Limits{Instructions: 200_000}, kept.grant(gopher.KeepCallbacks()))
	eval(t, s, `n = 0 h:Later(function(i) n = n + i return true end)`)
	if !kept.later(5) {
		t.Error("a kept callback did not run")
	}
	if n, err := s.Global("n"); n != 5.0 || err != nil {
		t.Errorf("%v, %v", n, err)
	}
}

// Under its guard a live map is copied while the host writes to it. Without, the race
// detector and Go's own check would end the process: no control runs.
func TestGuard(t *testing.T) {
	w := newWorld()
	s := newSandbox(t, limits.Limits{}, w.grant())
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			w.mu.Lock()
			w.Levels[fmt.Sprint("k", i%100)] = i
			w.HP, w.Title, w.At.X = uint8(i), fmt.Sprint(i), i
			w.mu.Unlock()
		}
	}()
	deadline := time.Now().Add(time.Minute)
	for len(eval(t, s, `for i = 1, 200 do local a, b, c, d, e = h.Levels, h:Map(), h.HP, h.title, h.At h.HP = i end return h.Levels`)[0].(map[string]any)) < 50 {
		if time.Now().After(deadline) {
			t.Fatal("the host does not write")
		}
	}
	close(stop)
	<-stopped
}

// One grant serves many sandboxes at a time, its objects behind their guard.
func TestSharedGrant(t *testing.T) {
	w := newWorld()
	inv := &inventory{}
	grants := []*luasandbox.Grant{w.grant(), inv.grant()}
	var wg sync.WaitGroup
	for range 4 {
		s := newSandbox(t, limits.Limits{}, grants...)
		wg.Go(func() {
			for range 20 {
				_, err := load(t, s, `
					for i = 1, 10 do
						h.HP = h.HP % 100 + 1
						h.Levels = {x = i}
						h:Befriend(h:Spawn("orc"))
						h:Each(2, function(n) return h.HP + inv.add(n, h.Levels.x) end)
						local t = inv.new() t:rename("r") inv.each({1}, function() return #t:name() end)
					end`)
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if w.HP == 10 {
		t.Error("nothing was written")
	}
}
