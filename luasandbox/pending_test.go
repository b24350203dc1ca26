package luasandbox_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// Answers are copied out like results, with their bounds and their charges, and
// errors like a function's.
func TestPendingAnswers(t *testing.T) {
	var p *luasandbox.Pending
	type unit struct{ hp int }
	units := luasandbox.NewHandleType[unit]("Unit", "", luasandbox.Func("hp", func(u *unit) int { return u.hp }))
	grant := luasandbox.NewGrant("net", "", units,
		luasandbox.Func("get", func(string) (*luasandbox.Pending, error) { return p, nil }, luasandbox.Params("url")),
		luasandbox.Func("refuses", func() (*luasandbox.Pending, error) { return nil, luasandbox.Errorf("no network") }),
		luasandbox.Func("forgets", func() *luasandbox.Pending { return nil }),
		luasandbox.Func("invents", func() *luasandbox.Pending { return new(luasandbox.Pending) }),
	)
	s := newSandbox(t, luasandbox.Config{Limits: limits.Limits{Instructions: 1_000_000}, Grants: []*luasandbox.Grant{grant}}, `
		function get(f) local r = {pcall(net.get, "x")} return unpack(r) end
		function use() local u = net.get("x") return u:hp() end
		function refuses() return pcall(net.refuses) end
		function forgets() return pcall(net.forgets) end
		function invents() return pcall(net.invents) end`)
	run := func(path string, answer func(p *luasandbox.Pending)) (luasandbox.Results, error) {
		t.Helper()
		p = luasandbox.Later()
		task := start(t, s, path)
		for {
			status, err := task.Step(1 << 30)
			switch {
			case err != nil:
				return nil, err
			case status == luasandbox.Done:
				return task.Results(), nil
			case status == luasandbox.Waiting && answer != nil:
				answer(p)
				answer = nil
			default:
				t.Fatalf("%s: %v", path, status)
			}
		}
	}
	cyclic := []any{nil}
	cyclic[0] = cyclic
	for _, tt := range []struct {
		name   string
		path   string
		answer func(p *luasandbox.Pending)
		want   luasandbox.Results
	}{
		{"values", "get", func(p *luasandbox.Pending) { p.Resolve(1, map[string]int{"a": 1}, nil, "x") }, luasandbox.Results{true, 1.0, map[string]any{"a": 1.0}, nil, "x"}},
		{"nothing", "get", func(p *luasandbox.Pending) { p.Resolve() }, luasandbox.Results{true}},
		{"the first counts", "get", func(p *luasandbox.Pending) { p.Resolve(1); p.Resolve(2); p.Reject(errors.New("x")) }, luasandbox.Results{true, 1.0}},
		{"another goroutine", "get", func(p *luasandbox.Pending) {
			done := make(chan bool)
			go func() { p.Resolve(5); close(done) }()
			<-done
		}, luasandbox.Results{true, 5.0}},
		{"handle", "use", func(p *luasandbox.Pending) { p.Resolve(&unit{hp: 3}) }, luasandbox.Results{3.0}},
		{"opaque error", "get", func(p *luasandbox.Pending) { p.Reject(errors.New("dsn=secret")) }, luasandbox.Results{false, "host error [1]"}},
		{"error with a text", "get", func(p *luasandbox.Pending) { p.Reject(luasandbox.Errorf("timeout")) }, luasandbox.Results{false, "timeout"}},
		{"nil error", "get", func(p *luasandbox.Pending) { p.Reject(nil) }, luasandbox.Results{false, "host error [2]"}},
		{"cannot be copied", "get", func(p *luasandbox.Pending) { p.Resolve(make(chan int)) }, luasandbox.Results{false, "host error [3]"}},
		{"contains itself", "get", func(p *luasandbox.Pending) { p.Resolve(cyclic) }, luasandbox.Results{false, "host error [4]"}},
		{"refused at once", "refuses", nil, luasandbox.Results{false, "no network"}},
		{"none", "forgets", nil, luasandbox.Results{false, "host error [5]"}},
		{"not made by Later", "invents", nil, luasandbox.Results{false, "host error [6]"}},
	} {
		got, err := run(tt.path, tt.answer)
		for i, v := range got {
			if text, ok := v.(string); ok {
				got[i] = text[strings.LastIndex(text, ": ")+1:]
				got[i] = strings.TrimPrefix(got[i].(string), " ")
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", tt.name, err, diff)
		}
	}
	// An answer that is there at once needs no waiting, also in a nested call.
	p = luasandbox.Later()
	p.Resolve("now")
	if r, err := s.Call(context.Background(), "get"); err != nil || !cmp.Equal(r, luasandbox.Results{true, "now"}) {
		t.Errorf("%v, %v", r, err)
	}
	// The copy is charged to the call that waited.
	_, err := run("get", func(p *luasandbox.Pending) { p.Resolve(make([]float64, 200_000)) })
	asLimit(t, err, limits.Instructions)
}
