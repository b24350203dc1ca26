package vm_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// A run that was given back begins anew, with nothing of the call before.
func TestRecycle(t *testing.T) {
	m := newMachine(t, limits.Limits{Instructions: 1000}, nil)
	work, fail, forever := load(t, m, "test.lua", `for i = 1, 100 do end return 1, 2`), load(t, m, "test.lua", `error()`), load(t, m, "test.lua", `while true do end`)
	var first limits.Snapshot
	for i, fn := range []vm.Value{work, work, fail, work, forever, work} {
		r, err := m.Start(context.Background(), fn)
		if err != nil {
			t.Fatal(err)
		}
		if r.Finished() || r.Err() != nil || r.Results() != nil || r.Elapsed() != 0 || r.Traceback() != "" || r.Use().Instructions.Current != 0 {
			t.Fatalf("call %d: a new run is not new: %+v", i, r)
		}
		r.Recycle() // not finished: nothing
		status, err := r.Step(limits.Unlimited)
		if fn == work {
			if status != vm.Done || err != nil || len(r.Results()) != 2 {
				t.Fatalf("call %d: %v, %v, %v", i, status, err, r.Results())
			}
			if i == 0 {
				first = r.Use()
			} else if r.Use() != first {
				t.Errorf("call %d used %+v, the first %+v", i, r.Use(), first)
			}
		} else if err == nil {
			t.Fatalf("call %d: no error", i)
		}
		results := r.Results()
		r.Recycle()
		if len(results) > 0 && !vm.RawEqual(results[1], vm.Number(2)) {
			t.Errorf("call %d: the results went with the run: %v", i, results)
		}
	}
}

// The limit of depth holds for a nested call, also on a stack that another nested
// call left, from where there was more room.
func TestDepthOfNestedCalls(t *testing.T) {
	const most = 40
	m := newMachine(t, limits.Limits{Depth: most}, nil)
	var shallow, deep vm.Value
	enter := func(fn *vm.Value) vm.Func {
		return func(c *vm.Call) error {
			_, err := c.Machine().Call(context.Background(), *fn)
			return err
		}
	}
	addNative(t, m, "shallow", enter(&shallow))
	addNative(t, m, "deep", enter(&deep))
	shallow = load(t, m, "test.lua", `local function down(n) if n > 0 then local x = down(n - 1) return x end end down(30)`)
	deep = load(t, m, "test.lua", `n = 0 local function dive() n = n + 1 local x = dive() return x end dive()`)
	outer := load(t, m, "test.lua", `local function down(n) if n > 0 then local x = down(n - 1) return x end deep() end shallow() down(...)`)
	for depth := range 30 {
		if _, err := m.Call(context.Background(), outer, vm.Int(depth)); err == nil {
			t.Fatal("no overflow")
		}
		n, _ := m.Globals().GetString("n").AsNumber()
		inner := int(n)
		if total := depth + inner; total > most || total < most-8 {
			t.Errorf("%d calls, and %d in a nested call, where %d are allowed", depth, inner, most)
		}
	}
}

// Every step looks at the clock twice, when it begins and when it ends, however short
// it is; and it allocates nothing.
func TestPriceOfAPause(t *testing.T) {
	now, looks := time.Unix(1e9, 0), 0
	m := vm.New(vm.Config{
		Limits: limits.Limits{Instructions: limits.Unlimited},
		Now:    func() time.Time { looks++; now = now.Add(time.Microsecond); return now },
	})
	r, err := m.Start(context.Background(), load(t, m, "test.lua", `while true do end`))
	if err != nil {
		t.Fatal(err)
	}
	const steps = 100
	allocated := testing.AllocsPerRun(steps-1, func() { // and one to warm up
		if status, err := r.Step(3); status != vm.Paused || err != nil {
			t.Fatal(status, err)
		}
	})
	if looks != 2*steps || allocated != 0 {
		t.Errorf("%d steps looked at the clock %d times, and allocated %v times each", steps, looks, allocated)
	}
	if got := r.Elapsed(); got != steps*time.Microsecond {
		t.Errorf("%v in %d steps of a microsecond", got, steps)
	}
}

// A clock that is set back, again and again, gives no time.
func TestClockSetBack(t *testing.T) {
	now, looks := time.Unix(1e9, 0), 0
	m := vm.New(vm.Config{
		Limits: limits.Limits{Instructions: limits.Unlimited, Time: 50 * time.Millisecond},
		Now: func() time.Time {
			if looks++; looks%10 == 0 {
				now = now.Add(-time.Hour)
			}
			now = now.Add(time.Millisecond)
			return now
		},
	})
	// Should it not end, this does.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := m.Call(ctx, load(t, m, "test.lua", `while true do end`))
	var e *limits.Error
	if !errors.As(err, &e) || e.Kind != limits.Time || e.Max != int64(50*time.Millisecond) || looks > 70 {
		t.Errorf("%v after %d looks at the clock", err, looks)
	}
}
