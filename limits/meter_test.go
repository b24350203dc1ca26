package limits_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
)

func TestMeterKindsAndSnapshot(t *testing.T) {
	l := limits.Limits{Instructions: 10, Memory: 20, Coroutines: 30, Output: 40, HostCalls: 50}
	m := limits.NewMeter(l, nil)
	for _, err := range []error{m.Instructions().Charge(1), m.Memory().Add(2), m.Coroutines().Add(3), m.Output().Charge(4), m.HostCalls().Charge(5)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(m.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"instructions":{"kind":"instructions","current":1,"peak":1,"max":10},` +
		`"memory":{"kind":"memory","current":2,"peak":2,"max":20},` +
		`"coroutines":{"kind":"coroutines","current":3,"peak":3,"max":30},` +
		`"output":{"kind":"output","current":4,"peak":4,"max":40},` +
		`"host_calls":{"kind":"host_calls","current":5,"peak":5,"max":50}}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	var back limits.Snapshot
	if err := json.Unmarshal(text, &back); err != nil || back != m.Snapshot() {
		t.Errorf("%+v, %v", back, err)
	}
	last := limits.Kind(0)
	for _, u := range m.Snapshot().All() {
		if u.Kind <= last {
			t.Errorf("%v after %v", u.Kind, last)
		}
		last = u.Kind
	}
	if diff := cmp.Diff(l.WithDefaults(), m.Limits()); diff != "" {
		t.Error(diff)
	}
}

func TestMeterBeginCall(t *testing.T) {
	m := limits.NewMeter(limits.Limits{Instructions: 10, Output: 10, HostCalls: 10, Memory: 10, Coroutines: 10}, nil)
	warned := 0
	m.Memory().Mark(5, func(limits.Use) { warned++ })
	m.Coroutines().Mark(5, func(limits.Use) { warned++ })
	for range 2 {
		m.BeginCall()
		for _, b := range []*limits.Budget{m.Instructions(), m.Output(), m.HostCalls()} {
			if err := b.Charge(10); err != nil {
				t.Fatal(err)
			}
			asError(t, b.Charge(1))
		}
		for _, g := range []*limits.Gauge{m.Memory(), m.Coroutines()} {
			if err := g.Add(5); err != nil {
				t.Fatal("what is held was not kept:", err)
			}
		}
	}
	asError(t, m.Memory().Add(1))
	if warned != 4 {
		t.Errorf("the marks of memory and coroutines were called %d times, want once per call each", warned)
	}
	if got := m.Snapshot().Instructions.Peak; got != 10 {
		t.Errorf("peak %d", got)
	}
}

// A meter that serves one call after the other is each time as it was at first, and
// its parent keeps what was charged.
func TestMeterReopen(t *testing.T) {
	life := limits.NewMeter(limits.None(), nil)
	m := limits.NewMeter(limits.Limits{Instructions: 10, Output: 10, HostCalls: 10, Memory: 10, Coroutines: 10}, life)
	fresh, warned := m.Snapshot(), 0
	for range 2 {
		m.Instructions().Mark(5, func(limits.Use) { warned++ })
		if err := m.Memory().Add(3); err != nil {
			t.Fatal(err)
		}
		m.Memory().Sub(3)
		for _, b := range []*limits.Budget{m.Instructions(), m.Output(), m.HostCalls()} {
			if err := b.Charge(10); err != nil {
				t.Fatal(err)
			}
			asError(t, b.Charge(1))
		}
		m.Reopen()
		if diff := cmp.Diff(fresh, m.Snapshot()); diff != "" {
			t.Error(diff)
		}
	}
	if warned != 2 {
		t.Errorf("%d warnings: a mark outlived its call", warned)
	}
	if got := life.Snapshot(); got.Instructions.Current != 20 || got.HostCalls.Current != 20 || got.Memory.Peak != 3 {
		t.Errorf("the parent has %+v", got)
	}
	if n := testing.AllocsPerRun(100, m.Reopen); n != 0 {
		t.Errorf("Reopen allocates %v times", n)
	}
}

// An account adds up what calls spend, whatever one call may, and limits what is held.
func TestMeterOpenAccount(t *testing.T) {
	var life limits.Meter
	parent := limits.NewMeter(limits.Limits{Instructions: 25, Memory: 15}, nil)
	life.OpenAccount(limits.Limits{Instructions: 10, Memory: 20}, parent)
	call := limits.NewMeter(limits.Limits{Instructions: 10}, &life)
	for range 2 {
		if err := call.Instructions().Charge(10); err != nil {
			t.Fatal(err)
		}
		asError(t, call.Instructions().Charge(1))
		call.Reopen()
	}
	if e := asError(t, call.Instructions().Charge(10)); e.Max != 25 {
		t.Errorf("not the parent's error: %+v", e)
	}
	if got := life.Instructions().Spent(); got != 20 {
		t.Errorf("%d instructions in the account", got)
	}
	if e := asError(t, life.Memory().Add(16)); e.Max != 15 {
		t.Errorf("not the parent's limit: %+v", e)
	}
}

func TestMeterNests(t *testing.T) {
	life := limits.NewMeter(limits.None(), nil)
	outer := limits.NewMeter(limits.Limits{Instructions: 15, Memory: 30, Depth: 7}, life)
	inner := limits.NewMeter(limits.Limits{Instructions: 1000, Memory: 20, Depth: 100, Nesting: 5}, outer)
	if l := inner.Limits(); l.Instructions != 15 || l.Memory != 20 || l.Depth != 7 || l.Nesting != 5 {
		t.Errorf("an inner meter is looser than its outer one: %+v", l)
	}
	if err := inner.Instructions().Charge(10); err != nil {
		t.Fatal(err)
	}
	inner.BeginCall()
	if e := asError(t, inner.Instructions().Charge(10)); e.Used != 10 || e.Max != 15 {
		t.Errorf("not the outer meter's error: %+v", e)
	}
	outer.BeginCall()
	inner.BeginCall()
	if err := inner.Instructions().Charge(10); err != nil {
		t.Fatal(err)
	}
	if err := inner.Memory().Add(20); err != nil {
		t.Fatal(err)
	}
	if err := inner.Coroutines().Add(2); err != nil {
		t.Fatal(err)
	}
	if s := life.Snapshot(); s.Instructions.Current != 20 || s.Memory.Current != 20 || s.Coroutines.Current != 2 {
		t.Errorf("the outermost meter did not add up: %+v", s)
	}
	inner.Release()
	inner.Release()
	if s := life.Snapshot(); s.Instructions.Current != 20 || s.Memory.Current != 0 || s.Coroutines.Current != 0 || s.Memory.Peak != 20 {
		t.Errorf("after Release: %+v", s)
	}
}

func TestMeterOfInvalidLimitsAdmitsNothing(t *testing.T) {
	m := limits.NewMeter(limits.Limits{Instructions: -1, Memory: -1, Coroutines: -1, Output: -1, HostCalls: -1}, nil)
	for _, err := range []error{m.Instructions().Charge(1), m.Memory().Add(1), m.Coroutines().Add(1), m.Output().Charge(1), m.HostCalls().Charge(1)} {
		asError(t, err)
	}
}

func TestUnits(t *testing.T) {
	for _, tt := range []struct{ n, per, want int64 }{
		{0, 64, 0}, {-1, 64, 0}, {-1 << 63, 1, 0}, {1, 64, 1}, {64, 64, 1}, {65, 64, 2},
		{7, 0, 7}, {7, -3, 7}, {7, 1, 7},
		{limits.Unlimited, 1, limits.Unlimited}, {limits.Unlimited, 2, 1 << 62}, {limits.Unlimited, limits.Unlimited, 1},
	} {
		if got := limits.Units(tt.n, tt.per); got != tt.want {
			t.Errorf("Units(%d, %d) = %d, want %d", tt.n, tt.per, got, tt.want)
		}
	}
}

func TestMulAdd(t *testing.T) {
	const top = limits.Unlimited
	for _, tt := range []struct{ n, size, base, want int64 }{
		{0, 0, 0, 0}, {3, 16, 32, 80}, {0, top, 5, 5}, {top, 0, 5, 5},
		{top, 1, 0, top}, {top, 1, 1, top}, {1 << 31, 1 << 31, 0, 1 << 62}, {1 << 32, 1 << 31, 0, top}, {1 << 62, 4, 0, top},
		{1, 1, top, top}, {1, top - 1, 0, top - 1},
		{-1, 16, 0, top}, {1, -16, 0, top}, {1, 16, -1, top}, {-1 << 63, -1, 0, top},
	} {
		if got := limits.MulAdd(tt.n, tt.size, tt.base); got != tt.want {
			t.Errorf("MulAdd(%d, %d, %d) = %d, want %d", tt.n, tt.size, tt.base, got, tt.want)
		}
	}
}
