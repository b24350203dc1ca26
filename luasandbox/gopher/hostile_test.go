package gopher_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/luasandbox/gopher"
	lua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"
)

// The holes of luar. Each is a script that gets through one, a control that shows it do
// so with luar alone on a stock gopher-lua state, and the same script against the same
// object behind this package, with everything of the object named that can be.

type victim struct {
	base
	sync.Mutex

	HP    int
	M     map[string]int
	Ch    chan int
	F     func(string) (*os.File, error)
	token string
	Key   string `luar:"-"`
}

func (v *victim) String() string                     { return "TOKEN " + v.token }
func (v *victim) Open(path string) (*os.File, error) { return os.Open(path) }
func (v *victim) TakeAny(any) string                 { return "taken" }
func (v *victim) Cb(f func(int))                     { f(1) }
func (v *victim) U8(n uint8) uint8                   { return n }
func (v *victim) Boom()                              { panic("dsn=secret") }
func (v *victim) Give() map[string]int               { return v.M }

type money struct{ Amount int }

func (m *money) Add(n int) { m.Amount += n }

type score struct{ Amount int }

type byteList []byte

// targets is a fresh set of host objects.
type targets struct {
	h     *victim
	money *money
	score *score
	file  string
}

func newTargets(t *testing.T) *targets {
	t.Helper()
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &targets{
		h:     &victim{HP: 10, M: map[string]int{"a": 1}, Ch: make(chan int, 1), F: os.Open, token: "UNEXPORTED-TOKEN", Key: "HIDDEN-KEY"},
		money: &money{5}, score: &score{7}, file: file,
	}
}

// stock runs a script on gopher-lua with luar, as an engine would without us.
func (x *targets) stock(script string) (string, error) {
	L := lua.NewState()
	defer L.Close()
	L.SetGlobal("h", luar.New(L, x.h))
	L.SetGlobal("money", luar.New(L, x.money))
	L.SetGlobal("score", luar.New(L, x.score))
	L.SetGlobal("Bytes", luar.NewType(L, byteList{}))
	L.SetGlobal("file", lua.LString(x.file))
	if err := L.DoString(script); err != nil {
		return "", err
	}
	return L.Get(-1).String(), nil
}

// jailed runs it in a sandbox.
func (x *targets) jailed(t *testing.T, script string) (luasandbox.Results, error) {
	t.Helper()
	grant := gopher.NewGrant("", "",
		gopher.Object("h", x.h, gopher.Guard(new(sync.Mutex)),
			gopher.Field("HP", gopher.Read|gopher.Write), gopher.Field("M", gopher.Read),
			gopher.Method("Open"), gopher.Method("TakeAny"), gopher.Method("Cb"), gopher.Method("U8"), gopher.Method("Boom"), gopher.Method("Give"),
		),
		gopher.Object("money", x.money, gopher.Field("Amount", gopher.Read), gopher.Method("Add")),
		gopher.Object("score", x.score, gopher.Field("Amount", gopher.Read)),
		gopher.Typed(luasandbox.Value("file", x.file)),
	)
	s := newSandbox(t, limits.Limits{Instructions: 5_000_000}, grant)
	return load(t, s, script)
}

func TestLuarHoles(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script string
		// escaped reports whether the script got through, from what it returned.
		escaped func(x *targets, returned string) bool
		kills   bool   // luar alone would end this process, or hang: no control runs
		want    string // "error", "limit", or what the jailed script returns
	}{
		{name: "file capability", script: `local f = h:Open(file) return "ESCAPED " .. f:Name()`, escaped: says("ESCAPED"), want: "error"},
		{name: "file capability by index", script: `local f = h:Open(file) return f.Name and "ESCAPED" or "SAFE"`, escaped: says("ESCAPED"), want: "SAFE"},
		{name: "embedded promotion", script: `return h.Token and "ESCAPED " .. h:Token() or "SAFE"`, escaped: says("ESCAPED"), want: "SAFE"},
		{name: "embedded field", script: `return h.Inner and "ESCAPED" or "SAFE"`, escaped: says("ESCAPED"), want: "SAFE"},
		{name: "mutex", script: `h:Lock() return "locked"`, escaped: func(x *targets, _ string) bool { return !x.h.TryLock() }, want: "error"},
		{name: "copy of the struct", script: `local s = string.format("%#v", -h) return s:find("UNEXPORTED-TOKEN", 1, true) and "ESCAPED" or "SAFE"`, escaped: says("ESCAPED"), want: "error"},
		{name: "hidden field by copy", script: `local s = string.format("%#v", -h) return s:find("HIDDEN-KEY", 1, true) and "ESCAPED" or "SAFE"`, escaped: says("ESCAPED"), want: "error"},
		{name: "pow zeroes the struct", script: `local _ = h ^ {} return "done"`, escaped: func(x *targets, _ string) bool { return x.h.HP == 0 && x.h.M == nil }, want: "error"},
		{name: "tostring calls String", script: `return tostring(h)`, escaped: says("TOKEN"), want: "victim: 00000001"},
		{name: "address by format", script: `return string.format("%s", h)`, escaped: says("0x"), want: "error|victim: 00000001"},
		{name: "live map, written", script: `h.M.evil = 1 return h.M.evil`, escaped: func(x *targets, _ string) bool { return x.h.M["evil"] == 1 }, want: "error"},
		{name: "live map from a method", script: `h:Give().evil = 1 return "done"`, escaped: func(x *targets, _ string) bool { return x.h.M["evil"] == 1 }, want: "done"},
		{name: "map race", script: `for i = 1, 1e5 do h.M.x = i end return "done"`, kills: true, want: "error"},
		{name: "map race by reading", script: `for i = 1, 1e5 do local x = h.M.x end return "done"`, kills: true, want: "limit"},
		{name: "format map race", script: `for i = 1, 100 do local s = string.format("%#v", h.M) end return "done"`, kills: true, want: "error"},
		{name: "channel receive", script: `return h.Ch()`, escaped: func(x *targets, r string) bool { return r == "true" && len(x.h.Ch) == 0 }, want: "error"},
		{name: "channel close", script: `local _ = -h.Ch return "closed"`, escaped: func(x *targets, _ string) bool {
			<-x.h.Ch // what was in it
			_, open := <-x.h.Ch
			return !open
		}, want: "error"},
		{name: "callback that does not end", script: `h:Cb(function(i) while true do end end)`, kills: true, want: "limit"},
		{name: "deep table", script: `local t = {} for i = 1, 100000 do t = {t} end return h:TakeAny(t)`, kills: true, want: "error"},
		{name: "cyclic table", script: `local t = {} t.t = t return h:TakeAny(t)`, escaped: says("taken"), want: "error"},
		{name: "new type", script: `return Bytes(100) and "ESCAPED"`, escaped: says("ESCAPED"), want: "error"},
		{name: "new type, out of memory", script: `return Bytes(1e11)`, kills: true, want: "error"},
		{name: "panic text", script: `local ok, e = pcall(function() h:Boom() end) return tostring(e)`, escaped: says("dsn="), want: "test.lua:1: host error [1]"},
		{name: "type confusion", script: `money.Add(score, 5) return "done"`, escaped: func(x *targets, _ string) bool { return x.score.Amount == 12 }, want: "error"},
		{name: "narrowing", script: `return "n" .. h:U8(300)`, escaped: says("n44"), want: "error"},
		{name: "negative narrowing", script: `return "n" .. h:U8(-1)`, escaped: says("n255"), want: "error"},
		{name: "fraction", script: `return "n" .. h:U8(1.9)`, escaped: says("n1"), want: "error"},
		{name: "narrowing of a field", script: `h.HP = 1e300 return "n" .. h.HP`, escaped: says("n-9223"), want: "error"},
		{name: "huge table", script: `local t = {} for i = 1, 20000 do t["k" .. i] = i end for i = 1, 1000 do h:TakeAny(t) end return "done"`, kills: true, want: "limit"},
		{name: "function field", script: `return "ESCAPED " .. tostring(h.F(file))`, escaped: says("ESCAPED"), want: "error"},
		{name: "path in an error", script: `local f, e = h:Open("/nonexistent/secret/path") return e and "ESCAPED " .. e.Path or "SAFE"`, escaped: says("ESCAPED /nonexistent"), want: "error"},
		{name: "path in an error's text", script: `local ok, f, e = pcall(h.Open, h, "/nonexistent/secret/path") return tostring(f) .. (e and e:Error() or "")`, escaped: says("/nonexistent"), want: "host error [1]"},
		{name: "reflection's text", script: `local ok, e = pcall(h.U8, h, {}) return tostring(e)`, escaped: says("type"), want: "bad argument #1 to 'U8' (integer in 0..255 expected, got table)"},
		{name: "userdata without type", script: `local ok, e = pcall(h.TakeAny, h, newproxy()) return tostring(e)`, escaped: says("reflect"), want: "error"},
		{name: "address", script: `return tostring(money)`, escaped: says("0x"), want: "money: 00000001"},
		{name: "wrong number of arguments", script: `return h:U8(1, 2)`, escaped: func(*targets, string) bool { return false }, kills: true, want: "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !tt.kills {
				x := newTargets(t)
				x.h.Ch <- 1
				returned, err := x.stock(tt.script)
				if err != nil || !tt.escaped(x, returned) {
					t.Errorf("control: luar alone has no such hole: %q, %v", returned, err)
				}
			}
			x := newTargets(t)
			x.h.Ch <- 1
			before := fmt.Sprint(x.h.HP, x.h.M, len(x.h.Ch), *x.money, *x.score)
			r, err := x.jailed(t, tt.script)
			got := "nothing"
			var script *luasandbox.ScriptError
			var limit *limits.Error
			switch {
			case errors.As(err, &script):
				got = "error"
			case errors.As(err, &limit):
				got = "limit"
			case err != nil:
				t.Fatal(err)
			case len(r) > 0 && r[0] == nil:
				got = "nil"
			case len(r) > 0:
				got = fmt.Sprint(r[0])
			}
			wanted := false
			for _, want := range strings.Split(tt.want, "|") {
				wanted = wanted || got == want
			}
			if !wanted {
				t.Errorf("got %q, %v; want %s", got, err, tt.want)
			}
			if after := fmt.Sprint(x.h.HP, x.h.M, len(x.h.Ch), *x.money, *x.score); after != before {
				t.Errorf("the host's objects were %s and are %s", before, after)
			}
			if !x.h.TryLock() {
				t.Error("the host's lock is held")
			}
			for _, leak := range []string{"TOKEN", "HIDDEN", "dsn=", "reflect", "/nonexistent", "0x"} {
				if strings.Contains(got, leak) || err != nil && strings.Contains(err.Error(), leak) {
					t.Errorf("%q shows %q: %v", got, leak, err)
				}
			}
		})
	}
}

func says(text string) func(*targets, string) bool {
	return func(_ *targets, returned string) bool { return strings.Contains(returned, text) }
}

// What would be a hole if it were named cannot be named.
func TestHolesCannotBeDeclared(t *testing.T) {
	type outer struct{ victim }
	x := newTargets(t)
	for _, tt := range []struct {
		name   string
		object any
		part   gopher.ObjectPart
		want   string
	}{
		{"channel field", x.h, gopher.Field("Ch", gopher.Read), "chan int do not cross the border"},
		{"function field", x.h, gopher.Field("F", gopher.Read), "do not cross the border"},
		{"map field without a guard", x.h, gopher.Field("M", gopher.Read), "holds a map"},
		{"map result without a guard", x.h, gopher.Method("Give"), "result 1: map[string]int holds a map"},
		{"unexported field", x.h, gopher.Field("token", gopher.Read), "luar knows no such field"},
		{"field hidden from luar", x.h, gopher.Field("Key", gopher.Read), "luar knows no such field"},
		{"promoted field", x.h, gopher.Field("Inner", gopher.Read), "luar knows no such field of the struct's own"},
		{"promoted field of a struct", &outer{}, gopher.Field("HP", gopher.Read), "luar knows no such field of the struct's own"},
		{"embedded struct", x.h, gopher.Field("Mutex", gopher.Read), "luar knows no such field of the struct's own"},
		{"channel result", newWorld(), gopher.Method("Chan"), "chan int do not cross the border"},
		{"struct without tags", &struct{ At struct{ X int } }{}, gopher.Field("At", gopher.Read), "has no field with a tag"},
	} {
		var declared *luasandbox.DeclarationError
		err := gopher.NewGrant("g", "", gopher.Object("o", tt.object, tt.part)).Err()
		if !errors.As(err, &declared) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// luar runs a callback on a thread of its own, where a hook on the script's context,
// which is how gopher-lua code is metered, does not see it.
func TestCallbackControl(t *testing.T) {
	spin := `local n = 0 for i = 1, 100000 do n = n + 1 end`
	count := func(script string) int {
		ctx := &countingContext{Context: t.Context()}
		L := lua.NewState()
		defer L.Close()
		L.SetContext(ctx)
		L.SetGlobal("h", luar.New(L, newTargets(t).h))
		if err := L.DoString(script); err != nil {
			t.Fatal(err)
		}
		return ctx.n
	}
	direct, inside := count(spin), count(`h:Cb(function() `+spin+` end)`)
	if direct < 100_000 || inside > direct/100 {
		t.Errorf("control: the hook saw %d instructions in the script and %d in a callback", direct, inside)
	}
	x := newTargets(t)
	grant := gopher.NewGrant("", "", gopher.Object("h", x.h, gopher.Method("Cb")))
	s := newSandbox(t, limits.Limits{}, grant)
	eval(t, s, `h:Cb(function() `+spin+` end)`)
	if got := s.LastCall().Instructions; got < 100_000 {
		t.Errorf("the sandbox saw %d instructions in a callback", got)
	}
}
