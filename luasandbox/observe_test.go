package luasandbox_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// observed runs a script and returns what Observe was told.
func observed(t *testing.T, grants []*luasandbox.Grant, source string, look func(h luasandbox.HostCall) string) []string {
	t.Helper()
	var calls []string
	s := newSandbox(t, luasandbox.Config{Grants: grants, Observe: func(h luasandbox.HostCall) { calls = append(calls, look(h)) }}, "")
	_, _ = s.Load(context.Background(), compile(t, source))
	return calls
}

func TestObserve(t *testing.T) {
	w := &turnWorld{}
	got := observed(t, w.grants(), `
		host.add(1, 2)
		local u = host.unit("a")
		u:damage(1)
		u.hp = u.hp + 1
		pcall(host.refuse, "no")
		pcall(host.fail)
		pcall(host.panic)
		pcall(host.add, {})
		host.each(2, function(i)
			host.tick() end)
		pcall(host.each, 1, function() error("mine") end)
		host.known()
		host.free(1)
		while true do host.tick(host.charge(1e12)) end`,
		func(h luasandbox.HostCall) string {
			chunk, line := h.Place()
			return fmt.Sprintf("%s %s %s:%d %v", h.Grant, h.Function, chunk, line, h.Err)
		})
	want := []string{
		"host host.add test.lua:2 <nil>",
		"host host.unit test.lua:3 <nil>",
		"host Unit:damage test.lua:4 <nil>",
		"host Unit.hp test.lua:5 <nil>",
		"host Unit.hp test.lua:5 <nil>",
		"host host.refuse test.lua:6 no",
		"host host.fail test.lua:7 dsn=secret",
		"host host.panic test.lua:8 panic: oh",
		"host host.add test.lua:9 bad argument #1 to 'add' (number expected, got table)",
		"host host.tick test.lua:11 <nil>",
		"host host.tick test.lua:11 <nil>",
		"host host.each test.lua:10 <nil>",
		"host host.each test.lua:12 test.lua:12: mine",
		"host host.known test.lua:13 <nil>",
		"host host.free test.lua:14 <nil>",
		"host host.charge test.lua:15 instruction limit exceeded: 1000000 of 1000000 used",
	}
	for i := range got {
		if strings.HasPrefix(got[i], "host host.charge") {
			got[i] = strings.Split(got[i], ": ")[0] + ": 1000000 of 1000000 used" // whatever the default is
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The figures are those of the account, and observing changes none of them.
func TestObserveInstructions(t *testing.T) {
	w := &turnWorld{}
	var last luasandbox.HostCall
	cfg := luasandbox.Config{Grants: w.grants()}
	const source = `local u = host.unit("a") for i = 1, 100 do u:damage(host.add(i, 1)) host.echo({i, {i}}) end print(u, {}) pcall(host.fail)`
	plain := newSandbox(t, cfg, source)
	cfg.Grants = (&turnWorld{}).grants()
	sum := int64(0)
	cfg.Observe = func(h luasandbox.HostCall) {
		if h.Instructions <= last.Instructions || h.Cost < limits.HostCall || h.Instructions-h.Cost < last.Instructions {
			t.Fatalf("%+v after %+v", h, last)
		}
		h.Digest()
		last = h
		sum += h.Cost
	}
	watched := newSandbox(t, cfg, source)
	a, b := plain.Usage(), watched.Usage()
	a.Wall, b.Wall = 0, 0
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("observing changes figures (-plain +observed)\n%s", diff)
	}
	if last.Instructions >= b.Instructions || b.Instructions-last.Instructions > 1000 || sum >= b.Instructions {
		t.Errorf("%d instructions at the last call, %d in all, %d in calls", last.Instructions, b.Instructions, sum)
	}
	if last.Digest() != 0 {
		t.Error("a digest after Observe has returned")
	}
	if chunk, line := last.Place(); chunk != "" || line != 0 {
		t.Error("a place after Observe has returned")
	}
}

func TestObserveLater(t *testing.T) {
	var p *luasandbox.Pending
	grant := luasandbox.NewGrant("net", "", luasandbox.Func("get", func(string) *luasandbox.Pending { p = luasandbox.Later(); return p }))
	var got []string
	var digests []uint64
	s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{grant}, Observe: func(h luasandbox.HostCall) {
		_, line := h.Place()
		got = append(got, fmt.Sprintf("%s line %d later=%v answer=%v %v", h.Function, line, h.Later, h.Answer, h.Err))
		digests = append(digests, h.Digest())
	}}, "function get(url)\nreturn pcall(net.get, url)\nend")
	for _, tt := range []struct {
		url    string
		answer func()
	}{
		{"x", func() { p.Resolve("a") }},
		{"y", func() { p.Resolve("a") }},
		{"x", func() { p.Resolve("b") }},
		{"x", func() { p.Reject(errors.New("secret")) }},
	} {
		task := start(t, s, "get", tt.url)
		for {
			status, err := task.Step(limits.Unlimited)
			if err != nil {
				t.Fatal(err)
			}
			if status == luasandbox.Done {
				break
			}
			tt.answer()
		}
	}
	var want []string
	for i := range 4 {
		err := "<nil>"
		if i == 3 {
			err = "secret"
		}
		want = append(want, "net.get line 2 later=true answer=false <nil>", "net.get line 2 later=false answer=true "+err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	calls, answers := []uint64{digests[0], digests[2], digests[4], digests[6]}, []uint64{digests[1], digests[3], digests[5], digests[7]}
	if calls[0] == calls[1] || calls[0] != calls[2] || calls[0] != calls[3] {
		t.Errorf("digests of calls: %x", calls)
	}
	if answers[0] != answers[1] || answers[0] == answers[2] || answers[2] == answers[3] || answers[0] == answers[3] {
		t.Errorf("digests of answers: %x", answers)
	}
}

// digestScripts call a function once; no two of them have the same digest.
var digestScripts = []string{
	`f()`, `f(nil)`, `f(nil, nil)`, `f(true)`, `f(false)`, `f(0)`, `f(-0)`, `f(1)`, `f("1")`, `f("")`, `f(0/0)`, `f(1/0)`,
	`f("ab", "c")`, `f("a", "bc")`, `f("abc")`,
	`f({})`, `f({{}})`, `f({}, {})`, `f({1, 2})`, `f({2, 1})`, `f({[1] = 1, [2] = 2, x = 1})`, `f({a = 1})`, `f({b = 1})`, `f({a = {b = 1}})`, `f({a = {}, b = 1})`,
	`local t = {} f(t, t)`, `local t = {1} f(t, t)`, `f({1}, {1})`,
	`f(print)`, `f(pairs)`, `f(function() end)`, "f(\nfunction() end)", `f(coroutine.create(function() end))`,
	`f(unit("a"))`, `unit("a") f(unit("b"))`, `f(other("a"))`,
	`local t = {} for i = 1, 5000 do t[i] = i end f(t)`,
	`local t = {} for i = 1, 5000 do t[i] = i end t[5000] = 0 f(t)`,
	`local t = {} for i = 1, 5000 do t["k" .. i] = "v" .. i end f(t)`,
	`local t = {} for i = 1, 5000 do t["k" .. i] = "v" .. i end t.k5000 = "x" f(t)`,
	`f(("x"):rep(100000))`, `f(("x"):rep(99999) .. "y")`, `f("y" .. ("x"):rep(99999))`,
	`f({n = 1, ("x"):rep(50000)})`, `f({n = 1, ("x"):rep(49999) .. "y"})`,
	`g(1)`, `g(2)`, `h(1)`, `same(1)`, `same(2)`, `typed({1, 4})`, `typed({1, 3})`, `rec({s = "a"})`, `rec({s = "b"})`, `pcall(typed, {1, "x"})`, `pcall(typed, {1, {}})`,
}

// digests returns the digest of the last call of each script.
func digests(t *testing.T) []string {
	type unit struct{ _ int }
	type record struct {
		S string `lua:"s"`
	}
	units := map[string]*unit{"a": {}, "b": {}}
	type otherUnit struct{ _ int }
	one := &otherUnit{}
	grant := luasandbox.NewGrant("", "", luasandbox.NewHandleType[unit]("Unit", ""), luasandbox.NewHandleType[otherUnit]("Other", ""),
		luasandbox.Func("f", func(...any) {}),
		luasandbox.Func("g", func(n float64) []float64 { return []float64{n, 1} }),
		luasandbox.Func("h", func(n float64) []float64 { return []float64{1, 1, n} }),
		luasandbox.Func("same", func(float64) (float64, float64, float64) { return 7, 8, 9 }),
		luasandbox.Func("typed", func([]float64) {}),
		luasandbox.Func("rec", func(record) {}),
		luasandbox.Func("unit", func(name string) *unit { return units[name] }),
		luasandbox.Func("other", func(name string) *otherUnit { return one }),
	)
	var out []string
	for _, source := range digestScripts {
		calls := observed(t, []*luasandbox.Grant{grant}, source, func(h luasandbox.HostCall) string { return fmt.Sprintf("%016x", h.Digest()) })
		if len(calls) == 0 {
			t.Fatalf("%s: no call", source)
		}
		out = append(out, calls[len(calls)-1])
	}
	return out
}

const digestProcess = "LUASANDBOX_TEST_PRINT_DIGESTS"

// Different calls have different digests, and the same call has the same one in another
// process.
func TestDigest(t *testing.T) {
	got := digests(t)
	if os.Getenv(digestProcess) != "" {
		fmt.Println("digests: " + strings.Join(got, " "))
		return
	}
	seen := map[string]string{}
	for i, d := range got {
		if other, ok := seen[d]; ok {
			t.Errorf("%s and %s: %s", other, digestScripts[i], d)
		}
		seen[d] = digestScripts[i]
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestDigest$", "-test.v")
	cmd.Env = append(os.Environ(), digestProcess+"=1")
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "digests: "+strings.Join(got, " ")+"\n") {
		t.Errorf("another process gets others:\n%s\n%s", got, text)
	}
}

// A NaN is a NaN, whatever its bits.
func TestDigestNaN(t *testing.T) {
	nans := []float64{math.NaN(), math.Float64frombits(0xfff8000000000001), math.Float64frombits(0x7ff0000000000001)}
	i := 0
	grant := luasandbox.NewGrant("", "", luasandbox.Func("nan", func() float64 { i++; return nans[i-1] }))
	got := observed(t, []*luasandbox.Grant{grant}, `nan() nan() nan()`, func(h luasandbox.HostCall) string { return fmt.Sprint(h.Digest()) })
	if len(got) != 3 || got[0] != got[1] || got[0] != got[2] {
		t.Errorf("%v", got)
	}
}

// Digesting gives nothing an identity that it would not have otherwise.
func TestDigestChangesNothing(t *testing.T) {
	run := func(digest bool) string {
		var out strings.Builder
		w := &turnWorld{}
		s := newSandbox(t, luasandbox.Config{Grants: w.grants(), Output: &out, Observe: func(h luasandbox.HostCall) {
			if digest {
				h.Digest()
			}
		}}, "")
		if _, err := s.Load(context.Background(), compile(t, `local t, f = {}, function() end
			host.echo(t) host.unit("a") host.count({f, t})
			print({}) print(f) print(t) print(host.unit("a"))`)); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if with, without := run(true), run(false); with != without {
		t.Errorf("with digests\n%s\nwithout\n%s", with, without)
	}
}

// What is refused costs little, and so does its digest: the time is bounded by what the
// call costs. Counted here are the values that make a difference.
func TestDigestIsBounded(t *testing.T) {
	type record struct {
		S string `lua:"s"`
	}
	grant := luasandbox.NewGrant("", "", luasandbox.Func("rec", func(record) {}), luasandbox.Func("two", func(a, b float64) {}))
	digest := func(source string) string {
		calls := observed(t, []*luasandbox.Grant{grant}, source, func(h luasandbox.HostCall) string { return fmt.Sprint(h.Digest()) })
		if len(calls) != 1 {
			t.Fatalf("%s: %d calls", source, len(calls))
		}
		return calls[0]
	}
	const big = `local t = {} for i = 1, 20000 do t["k" .. i] = i end t.k10000 = %s pcall(rec, t)`
	if digest(fmt.Sprintf(big, "1")) != digest(fmt.Sprintf(big, "2")) {
		t.Error("all of a large table that was refused is digested")
	}
	if digest(`pcall(rec, {no = 1})`) == digest(`pcall(rec, {no = 2})`) {
		t.Error("a small table that was refused is not digested")
	}
	if digest(`two(1, 2, {})`) != digest(`two(1, 2, "x", 5)`) {
		t.Error("an argument that the function does not take is digested")
	}
}

func BenchmarkObserve(b *testing.B) {
	for _, bb := range []struct {
		name    string
		observe func(luasandbox.HostCall)
		turns   bool
	}{
		{"off", nil, false},
		{"on", func(luasandbox.HostCall) {}, false},
		{"digest", func(h luasandbox.HostCall) { h.Digest() }, false},
		{"anywhere in turns", nil, true},
	} {
		b.Run(bb.name, func(b *testing.B) {
			grant := luasandbox.NewGrant("", "", luasandbox.Func("add", func(a, b float64) float64 { return a + b }, luasandbox.Anywhere()))
			s := newSandbox(b, luasandbox.Config{Limits: limits.None(), Grants: []*luasandbox.Grant{grant}, Observe: bb.observe, Turns: bb.turns},
				`local add = add function run(n) for i = 1, n do add(i, 2) end end`)
			b.ReportAllocs()
			b.ResetTimer()
			if _, err := s.Call(context.Background(), "run", b.N); err != nil {
				b.Fatal(err)
			}
		})
	}
}
