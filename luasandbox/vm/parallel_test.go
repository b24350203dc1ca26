package vm_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// TestParallel executes the same programs on many machines at once, some of them
// stepped: programs, libraries and names are shared, and nothing of them is
// written but hints. Meant for go test -race.
func TestParallel(t *testing.T) {
	const machines = 6
	type job struct {
		name    string
		program *vm.Program
		want    string
	}
	var jobs []job
	for _, name := range scripts(t, oracleDir) {
		if name == "calls.lua" { // long, and much the same
			continue
		}
		p, err := vm.Compile(name, readFile(t, oracleDir, name), generous)
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, job{name, p, readFile(t, oracleDir, golden(name))})
	}
	var wg sync.WaitGroup
	for g := range machines {
		wg.Go(func() {
			for i := range jobs {
				j := jobs[(i+g)%len(jobs)]
				var out strings.Builder
				m := newMachine(t, generous, &out)
				f, err := m.Load(j.program, m.Globals())
				if err != nil {
					t.Error(err)
					return
				}
				fuel := int64(limits.Unlimited)
				if g%2 == 1 {
					fuel = 1000
				}
				if r := finish(t, m, &out, f.Value(), fuel); r.err != nil {
					t.Errorf("%s: %v", j.name, r.err)
				}
				if diff := cmp.Diff(j.want, out.String()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", j.name, diff)
				}
				m.Inventory(3)
				if _, err := vm.Compile(j.name, "local t = {_"+j.name[:3]+" = 1} return t._"+j.name[:3], generous); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestHintsMislead runs one program over tables of many shapes, so that every hint
// it leaves is wrong for the next table.
func TestHintsMislead(t *testing.T) {
	const text = `
local t, n = ...
local s = 0
for i = 1, 20 do
  s = s + (t.x or 0) + (t.y or 0) + (t.z or 0)
  t.w = i
  for k, v in pairs(t) do if k == "y" then s = s + v end end
end
return s, t.w, t.none, n`
	p, err := vm.Compile("hints.lua", text, generous)
	if err != nil {
		t.Fatal(err)
	}
	shapes := []string{"x", "y", "z", "xy", "yx", "zyx", "xzy", "wxyz", "zzw", "", "aaaaaaaax", "abcdefghijkly", "1x", "12y"}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			m := newMachine(t, generous, nil)
			f, err := m.Load(p, m.Globals())
			if err != nil {
				t.Error(err)
				return
			}
			for round := range 30 {
				shape := shapes[(round*(g+1)+g)%len(shapes)]
				tab, err := m.NewTable(0, 0)
				if err != nil {
					t.Error(err)
					return
				}
				want := 0
				seen := map[rune]bool{}
				for _, c := range shape {
					key := vm.String(string(c))
					if c < 'a' {
						key = vm.Int(int(c - '0'))
					}
					if err := m.RawSet(tab, key, vm.Int(1)); err != nil {
						t.Error(err)
					}
					if c >= 'x' && !seen[c] {
						want += 20
						if c == 'y' {
							want += 20
						}
					}
					seen[c] = true
				}
				vs, err := m.Call(t.Context(), f.Value(), tab.Value(), vm.Int(round))
				if err != nil {
					t.Error(err)
					return
				}
				if got, _ := vs[0].AsNumber(); int(got) != want || vs[1] != vm.Int(20) || !vs[2].IsNil() || vs[3] != vm.Int(round) {
					t.Errorf("shape %q: %s, want %d", shape, show(vs), want)
				}
			}
		})
	}
	wg.Wait()
}

// errShared is an error that a host's function returns on every machine.
var errShared = &vm.Error{Value: vm.SharedString("denied")}

// TestSharedError: the machine writes into no error that is not its own.
func TestSharedError(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			m := newMachine(t, generous, nil)
			addNative(t, m, "deny", func(c *vm.Call) error { return errShared })
			got, err := call(t, m, `return pcall(deny)`)
			if got != "false denied" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
			_, err = call(t, m, "\nlocal w = coroutine.wrap(function() deny() end) w()")
			var e *vm.Error
			if !errors.As(err, &e) || !errors.Is(err, errShared) || e.Line != 2 || e.Traceback == "" {
				t.Errorf("%v: %+v", err, e)
			}
		})
	}
	wg.Wait()
	if errShared.Line != 0 || errShared.Traceback != "" || errShared.Error() != "denied" {
		t.Errorf("the shared error became %+v", errShared)
	}
}
