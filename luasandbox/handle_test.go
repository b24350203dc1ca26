package luasandbox_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

type soldier struct {
	name   string
	hp     int
	target *soldier
	pack   *satchel
	secret string
}

type satchel struct{ items []string }

// String must never be called: what tostring shows is not the object's business.
func (s *soldier) String() string { return "secret " + s.secret }

// army is a small game: two types of handles that refer to each other.
func army() (soldiers map[string]*soldier, grant *luasandbox.Grant) {
	soldiers = map[string]*soldier{
		"ann": {name: "ann", hp: 10, pack: &satchel{items: []string{"rope"}}, secret: "dsn"},
		"bob": {name: "bob", hp: 20, secret: "dsn"},
	}
	soldierType := luasandbox.NewHandleType[soldier]("Soldier", "One of the player's.",
		luasandbox.Func("name", func(s *soldier) string { return s.name }),
		luasandbox.Func("hurt", func(_ context.Context, s *soldier, by uint8) (int, error) {
			if s.hp -= int(by); s.hp < 0 {
				return 0, luasandbox.Errorf("%s is dead", s.name)
			}
			return s.hp, nil
		}, luasandbox.Params("by")),
		luasandbox.Func("aim", func(s, at *soldier) { s.target = at }),
		luasandbox.Func("maybeAim", func(s, at *soldier) { s.target = at }, luasandbox.Params("at"), luasandbox.Optional("at")),
		luasandbox.Func("target", func(s *soldier) *soldier { return s.target }),
		luasandbox.Func("pack", func(s *soldier) *satchel { return s.pack }),
		luasandbox.Func("panics", func(s *soldier) { panic(s.secret) }),
		luasandbox.Property("hp", func(s *soldier) int { return s.hp }, func(s *soldier, hp uint8) { s.hp = int(hp) }, luasandbox.Doc("Health.")),
		luasandbox.Property("rank", func(*soldier) string { return "private" }, nil),
		luasandbox.Property("pos", func(s *soldier) map[string][]int { return map[string][]int{"xy": {s.hp, 2}} }, nil),
	)
	satchelType := luasandbox.NewHandleType[satchel]("Satchel", "",
		luasandbox.Func("items", func(s *satchel) []string { return s.items }),
		luasandbox.Func("give", func(s *satchel, to *soldier) { to.pack = s }),
	)
	grant = luasandbox.NewGrant("army", "", soldierType, satchelType,
		luasandbox.Func("find", func(name string) *soldier { return soldiers[name] }),
		luasandbox.Func("all", func() []*soldier { return []*soldier{soldiers["ann"], soldiers["bob"]} }),
		luasandbox.Func("byName", func() map[string]*soldier { return soldiers }),
		luasandbox.Func("heal", func(list []*soldier) int {
			for _, s := range list {
				s.hp++
			}
			return len(list)
		}),
		luasandbox.Func("dynamic", func(name string) any { return soldiers[name] }),
		luasandbox.Func("same", func(v any) any { return v }),
		luasandbox.Func("kind", func(h luasandbox.Handle) string {
			switch {
			case soldierType.Is(h):
				return h.Object().(*soldier).name
			case satchelType.Is(h):
				return "satchel"
			}
			return "?"
		}),
		luasandbox.Func("either", func(soldier bool) luasandbox.Handle {
			if soldier {
				return soldierType.Handle(soldiers["bob"])
			}
			return satchelType.Handle(soldiers["ann"].pack)
		}),
		luasandbox.Func("dismiss", func(ctx context.Context, s *soldier) error { return luasandbox.Revoke(ctx, s) }),
		luasandbox.Func("recruit", func() *soldier { return &soldier{} }),
		luasandbox.Value("captain", soldiers["ann"]),
	)
	return soldiers, grant
}

func TestHandles(t *testing.T) {
	for _, tt := range []struct {
		source string
		want   luasandbox.Results
	}{
		{`return army.find("ann"):name(), army.find("zoe")`, luasandbox.Results{"ann", nil}},
		{`local a = army.find("ann") return a:hurt(3), a.hp, type(a)`, luasandbox.Results{7.0, 7.0, "userdata"}},
		{`local a = army.find("ann") a.hp = 200 return a.hp, a.rank, a.pos`, luasandbox.Results{200.0, "private", map[string]any{"xy": []any{200.0, 2.0}}}},
		// One object, one handle: equal, and the same key, wherever it comes from.
		{`local a, all = army.find("ann"), army.all() return a == all[1], a == all[2], a ~= all[2], rawequal(a, all[1]),
			a == army.captain, a == army.byName().ann, a == army.dynamic("ann"), a == army.same(a), ({[a]=1})[all[1]]`,
			luasandbox.Results{true, false, true, true, true, true, true, true, 1.0}},
		{`local a, b = unpack(army.all()) a:aim(b) return a:target() == b, b:target(), a:target():name()`, luasandbox.Results{true, nil, "bob"}},
		{`local a, b = unpack(army.all()) a:aim(b) a:maybeAim(nil) return a:target()`, luasandbox.Results{nil}},
		{`local a, b = unpack(army.all()) a:pack():give(b) return b:pack() == a:pack(), b:pack():items()`, luasandbox.Results{true, []any{"rope"}}},
		{`return army.heal(army.all()), army.find("bob").hp`, luasandbox.Results{2.0, 21.0}},
		{`return army.kind(army.find("bob")), army.kind(army.find("ann"):pack()), army.either(true):name(), army.either(false) == army.find("ann"):pack()`,
			luasandbox.Results{"bob", "satchel", "bob", true}},
		// What a script sees of it is the type and a small number.
		{`local a, b = army.find("ann"), army.find("bob") return tostring(a), tostring(b), tostring(a), tostring(a:pack())`,
			luasandbox.Results{"Soldier: 00000001", "Soldier: 00000002", "Soldier: 00000001", "Satchel: 00000003"}},
		{`local a = army.find("ann") return getmetatable(a), a.secret, a.String, a.nothing, a[1], a[a]`, luasandbox.Results{"Soldier", nil, nil, nil, nil, nil}},
		{`local a = army.find("ann") return a:pack().secret, a:pack().give ~= nil`, luasandbox.Results{nil, true}},
	} {
		_, grant := army()
		s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{grant}}, "")
		if diff := cmp.Diff(tt.want, eval(t, s, tt.source)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.source, diff)
		}
	}
	// The host gets its object back.
	soldiers, grant := army()
	s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{grant}}, `function name(s) return s:name(), s end`)
	r, err := s.Call(context.Background(), "name", soldiers["bob"])
	if err != nil || len(r) != 2 || r[0] != "bob" || r[1] != soldiers["bob"] {
		t.Errorf("%v, %v", r, err)
	}
	var b *soldier
	if err := r.Scan(nil, &b); err != nil || b != soldiers["bob"] {
		t.Errorf("%v, %v", b, err)
	}
}

func TestHandleMisuse(t *testing.T) {
	for _, tt := range []struct{ source, want string }{
		{`army.find("ann").hurt(army.find("ann"):pack(), 1)`, "calling 'hurt' on bad self (Soldier expected, got Satchel)"},
		{`army.find("ann"):pack().items(army.find("ann"))`, "calling 'items' on bad self (Satchel expected, got Soldier)"},
		{`army.find("ann"):aim(army.find("ann"):pack())`, "bad argument #1 to 'aim' (Soldier expected, got Satchel)"},
		{`army.find("ann"):aim({})`, "bad argument #1 to 'aim' (Soldier expected, got table)"},
		{`army.find("ann"):aim()`, "bad argument #1 to 'aim' (Soldier expected, got no value)"},
		{`army.find("ann"):aim(nil)`, "bad argument #1 to 'aim' (Soldier expected, got nil)"},
		{`army.find("ann"):hurt(300)`, "bad argument #1 to 'hurt' (integer in 0..255 expected, got 300)"},
		{`army.find("ann").hurt(nil, 1)`, "calling 'hurt' on bad self (Soldier expected, got nil)"},
		{`army.find("ann").hurt()`, "calling 'hurt' on bad self (Soldier expected, got nil)"},
		{`army.find("ann"):hurt(11)`, "ann is dead"},
		{`army.find("ann"):panics()`, "host error [1]"},
		{`army.heal{army.find("ann"), army.find("ann"):pack()}`, "bad argument #1 to 'heal' (at [2]: Soldier expected, got Satchel)"},
		{`army.kind({})`, "bad argument #1 to 'kind' (handle expected, got table)"},
		{`army.find("ann").hp = 300`, "cannot set 'hp' of Soldier (integer in 0..255 expected, got 300)"},
		{`army.find("ann").rank = "general"`, "field 'rank' of Soldier is read-only"},
		{`army.find("ann").pos.xy = {}`, "attempt to modify a read-only table"},
		{`army.find("ann").pos.xy[1] = 3`, "attempt to modify a read-only table"},
		{`army.find("ann").name = 1`, `Soldier has no field "name"`},
		{`army.find("ann").secret = 1`, `Soldier has no field "secret"`},
		{`army.find("ann")[1] = 1`, `Soldier has no field 1`},
		{`army.find("ann"):pack().x = 1`, ""},
		// No operator does anything.
		{`return -army.find("ann")`, ""}, {`return army.find("ann") ^ {}`, ""}, {`return army.find("ann") + 1`, ""},
		{`return army.find("ann") .. ""`, ""}, {`return #army.find("ann")`, ""}, {`return army.find("ann")()`, ""},
		{`return army.find("ann") < army.find("bob")`, ""}, {`for k in pairs(army.find("ann")) do end`, ""},
		{`setmetatable(army.find("ann"), {})`, ""}, {`rawset(army.find("ann"), "x", 1)`, ""}, {`rawget(army.find("ann"), "hp")`, ""},
		{`getmetatable(army.find("ann")).__index = nil`, ""}, {`string.format("%d", army.find("ann"))`, ""},
		{`setfenv(army.find("ann"), {})`, ""}, {`army.find("ann"):pack():secret()`, ""},
	} {
		_, grant := army()
		s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{grant}}, "")
		err := evalError(t, s, tt.source)
		var script *luasandbox.ScriptError
		if !errors.As(err, &script) {
			t.Errorf("%s: %v", tt.source, err)
		} else if tt.want != "" && script.Message != "test.lua:1: "+tt.want {
			t.Errorf("%s: %q, want %q", tt.source, script.Message, tt.want)
		}
		if strings.Contains(err.Error(), "dsn") || strings.Contains(err.Error(), "0x") {
			t.Errorf("%s shows %q", tt.source, err)
		}
	}
}

// Two types of handles for one Go type are two capabilities.
func TestHandleTypesAreCapabilities(t *testing.T) {
	weak := luasandbox.NewHandleType[soldier]("Enemy", "",
		luasandbox.Func("name", func(s *soldier) string { return s.name }))
	strong := luasandbox.NewHandleType[soldier]("Own", "",
		luasandbox.Func("kill", func(s *soldier) { s.hp = 0 }),
		luasandbox.Func("fight", func(s *soldier, other luasandbox.Handle) { other.Object().(*soldier).hp-- }))
	enemy := &soldier{name: "eve", hp: 5}
	grants := []*luasandbox.Grant{
		luasandbox.NewGrant("enemies", "", weak, luasandbox.Func("one", func() *soldier { return enemy })),
		luasandbox.NewGrant("own", "", strong, luasandbox.Func("one", func() *soldier { return &soldier{hp: 9} }),
			luasandbox.Func("kill", func(s *soldier) { s.hp = 0 }),
			luasandbox.Func("any", func(v any) any { return v })),
	}
	s := newSandbox(t, luasandbox.Config{Grants: grants}, "")
	for _, source := range []string{
		`own.one().kill(enemies.one())`, `own.kill(enemies.one())`, `own.one():fight(enemies.one())`, `enemies.one():kill()`,
		`own.any(enemies.one())`, // which type of handle it is to come back as, nobody can tell
	} {
		evalError(t, s, source)
	}
	if enemy.hp != 5 {
		t.Errorf("the enemy has %d", enemy.hp)
	}
	r := eval(t, s, `local o = own.one() own.kill(o) own.one():fight(o) return enemies.one():name()`)
	if diff := cmp.Diff(luasandbox.Results{"eve"}, r); diff != "" {
		t.Error(diff)
	}
	// A handle type of a grant that the sandbox has not been given does not exist in it.
	other := newSandbox(t, luasandbox.Config{Grants: grants[1:]}, `function f(x) return x end`)
	if _, err := other.Call(context.Background(), "f", weak.Handle(enemy)); err != nil {
		t.Errorf("a handle that says what it is: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	soldiers, grant := army()
	s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{grant}},
		`a = army.find("ann") function try(f, ...) return select(2, pcall(f, ...)) end`)
	if err := s.Revoke(soldiers["ann"]); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		source string
		want   luasandbox.Results
	}{
		{`return try(a.name, a)`, luasandbox.Results{"calling 'name' on bad self (the Soldier is gone)"}},
		{`return try(army.heal, {a})`, luasandbox.Results{"bad argument #1 to 'heal' (at [1]: the Soldier is gone)"}},
		{`return try(function() return a.hp end)`, luasandbox.Results{"test.lua:1: cannot read 'hp' of Soldier (the Soldier is gone)"}},
		{`return try(function() a.hp = 1 end)`, luasandbox.Results{"test.lua:1: cannot set 'hp' of Soldier (the Soldier is gone)"}},
		{`return try(army.same, a)`, luasandbox.Results{"bad argument #1 to 'same' (open handle expected, got closed Soldier)"}},
		{`return try(army.kind, a)`, luasandbox.Results{"bad argument #1 to 'kind' (the Soldier is gone)"}},
		// A new handle to the object is another one, and the old one stays closed.
		{`local b = army.find("ann") return b:name(), b == a, a == a, (pcall(a.name, a))`, luasandbox.Results{"ann", false, true, false}},
		// From inside a host function.
		{`local b = army.find("bob") army.dismiss(b) return (pcall(b.name, b)), army.find("bob"):name()`, luasandbox.Results{false, "bob"}},
	} {
		if diff := cmp.Diff(tt.want, eval(t, s, tt.source)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.source, diff)
		}
	}
	if err := s.Revoke(&soldier{}); err != nil {
		t.Errorf("an object without a handle: %v", err)
	}
	if err := s.Revoke([]int{1}); err != nil {
		t.Errorf("no object at all: %v", err)
	}
}

// Handles that nobody holds are forgotten; while one is held it is the same one.
func TestHandlesAreGarbage(t *testing.T) {
	_, grant := army()
	s := newSandbox(t, luasandbox.Config{Limits: limits.Limits{Memory: 1 << 20}, Grants: []*luasandbox.Grant{grant}},
		`kept = army.find("ann") seen = {[kept] = true}`)
	for range 5 {
		eval(t, s, `for i = 1, 50000 do army.recruit() end`)
	}
	if diff := cmp.Diff(luasandbox.Results{true, true}, eval(t, s, `return army.find("ann") == kept, seen[army.find("ann")]`)); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Census(); err != nil {
		t.Fatal(err)
	}
	c, err := s.Census()
	if err != nil || c.Bytes > 200_000 {
		t.Errorf("%d bytes are live, %v", c.Bytes, err)
	}
	// Those that are held count, and trip the limit.
	_, err = s.Load(context.Background(), compile(t, `local t = {} for i = 1, 50000 do t[i] = army.recruit() end`))
	asLimit(t, err, limits.Memory)
}

// A grant is shared by sandboxes that run at the same time.
func TestSharedGrant(t *testing.T) {
	unit := luasandbox.NewHandleType[soldier]("Soldier", "",
		luasandbox.Func("name", func(s *soldier) string { return s.name }),
		luasandbox.Property("rank", func(s *soldier) string { return s.name }, nil))
	common := &soldier{name: "common"}
	var wg sync.WaitGroup
	for range 3 {
		// Declaring is part of it: the type of handles is in several grants.
		grant := luasandbox.NewGrant("army", "", unit,
			luasandbox.Func("one", func() *soldier { return common }),
			luasandbox.Func("any", func(v any, l []map[string]int) any { return v }))
		for range 2 {
			wg.Go(func() {
				s, err := luasandbox.New(luasandbox.Config{Grants: []*luasandbox.Grant{grant}})
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				p := compile(t, `local n = 0 for i = 1, 500 do local u = army.one() if u == army.any(u, {{a=1}}) and u:name() == u.rank then n = n + 1 end end return n`)
				if r, err := s.Load(context.Background(), p); err != nil || r[0] != 500.0 {
					t.Errorf("%v, %v", r, err)
				}
			})
		}
	}
	wg.Wait()
}
