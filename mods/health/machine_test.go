package health

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const s = time.Second

// running returns the machine of a mod that runs.
func running(cfg Config) *Machine {
	m := New(cfg)
	m.Started(0)
	return m
}

// TestPrecedence is the table of what is seen when several things hold: every
// set of them.
func TestPrecedence(t *testing.T) {
	const (
		disabled = 1 << iota
		quarantined
		operator
		engine
		dependency
		loading
		failing
		throttled
		frame
		all = 1<<iota - 1
	)
	want := func(set int) State {
		switch {
		case set&disabled != 0:
			return Disabled
		case set&quarantined != 0:
			return Quarantined
		case set&(operator|engine|dependency) != 0:
			return Paused
		case set&loading != 0:
			return Loaded
		case set&failing != 0:
			return Failing
		case set&throttled != 0:
			return Throttled
		case set&frame != 0:
			return Paused
		}
		return Active
	}
	for set := range all + 1 {
		m := New(Config{})
		for _, step := range []struct {
			bit int
			do  func()
		}{
			{throttled, func() { m.Throttle(0, true) }},
			{frame, func() { m.Pause(0, Frame) }},
			{failing, func() { m.Violation(0, "error", 5) }},
			{operator, func() { m.Pause(0, Operator) }},
			{engine, func() { m.Pause(0, Engine) }},
			{dependency, func() { m.Pause(0, Dependency) }},
			{quarantined, func() { m.Violation(0, "limit", Fatal) }},
			{disabled, func() { m.Disable(0, "no") }},
		} {
			if set&step.bit != 0 {
				step.do()
			}
		}
		if set&loading == 0 {
			m.Started(0)
		}
		if got := m.State(); got != want(set) {
			t.Errorf("set %09b: %s, want %s", set, got, want(set))
		}
		// What was hidden is there when what hides it goes.
		m.Enable(0)
		for _, h := range []Hold{Operator, Engine, Dependency} {
			m.Resume(0, h)
		}
		rest := set &^ (disabled | quarantined | operator | engine | dependency)
		if set&(disabled|quarantined) != 0 {
			rest = loading // and nothing else: the Lua state was dropped
		}
		if got := m.State(); got != want(rest) {
			t.Errorf("set %09b, lifted: %s, want %s", set, got, want(rest))
		}
	}
}

// TestTenErrors is the rule that hosts had before there was a machine: ten errors
// within 1,000 ticks of 50 ms.
func TestTenErrors(t *testing.T) {
	const tick = 50 * time.Millisecond
	for _, tt := range []struct {
		name  string
		every time.Duration
		n     int
		want  State
	}{
		{"nine at once", 0, 9, Failing},
		{"ten at once", 0, 10, Quarantined},
		{"ten in 999 ticks", 111 * tick, 10, Quarantined},
		{"ten, the last one tick too late", 111*tick + tick/9 + 1, 10, Failing},
		{"for ever, slowly", 112 * tick, 10000, Failing},
		{"for ever, so slowly that nobody minds", 251 * tick, 10000, Active},
	} {
		m := running(Config{})
		for i := range tt.n {
			m.Advance(time.Duration(i) * tt.every)
			m.Violation(time.Duration(i)*tt.every, "error", 1)
		}
		if got := m.State(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestRecovery(t *testing.T) {
	m := running(Config{})
	for range 5 {
		m.Violation(7*s, "error", 1)
	}
	if got, want := m.Status(), (Status{State: Failing, Reason: "error", Since: 7 * s, Started: true, Points: 5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if next, ok := m.Next(); !ok || next != 57*s {
		t.Errorf("Next %v, %t", next, ok)
	}
	if c := m.Advance(57*s - 1); c.Changed() {
		t.Errorf("too early: %+v", c)
	}
	if c, want := m.Advance(57*s), (Change{Failing, Active, "", 57 * s}); c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
	if next, ok := m.Next(); ok {
		t.Errorf("there is still something to do at %v", next)
	}
}

// TestBackoff follows a mod that never learns.
func TestBackoff(t *testing.T) {
	m, now := New(Config{MaxBackoff: 100 * s}), time.Duration(0)
	for i, want := range []time.Duration{30 * s, 60 * s, 100 * s, 100 * s} {
		m.Started(now)
		c := m.Violation(now, "error", 10)
		if c.To != Quarantined || m.Status().Until-now != want {
			t.Fatalf("quarantine %d: %+v, %+v; want %v", i+1, c, m.Status(), want)
		}
		now += want
		if m.Advance(now - 1).Changed() {
			t.Fatalf("quarantine %d ended too early", i+1)
		}
		if c := m.Advance(now); c != (Change{Quarantined, Loaded, "", now}) {
			t.Fatalf("the end of quarantine %d: %+v", i+1, c)
		}
	}
	want := Change{Loaded, Disabled, "quarantined 5 times, the last for: error on probation", now}
	if c := m.Violation(now, "error", 1); c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
	if c := m.Advance(math.MaxInt64); c.Changed() {
		t.Errorf("time changed it: %+v", c)
	}
	m.Enable(now)
	if got, want := m.Status(), (Status{State: Loaded, Since: math.MaxInt64}); got != want {
		t.Errorf("enabled: %+v, want %+v", got, want)
	}
	if m.Started(now); m.Violation(now, "error", 1).Changed() {
		t.Error("an enabled mod is on probation")
	}
}

// TestHugeBackoff doubles to the end of time.
func TestHugeBackoff(t *testing.T) {
	for _, cfg := range []Config{
		{Backoff: math.MaxInt64},
		{Backoff: math.MaxInt64/2 + 1},
		{Backoff: math.MaxInt64/2 + 1, MaxBackoff: math.MaxInt64},
		{MaxBackoff: math.MaxInt64},
		{Backoff: 1, MaxBackoff: math.MaxInt64 - 1},
	} {
		m, last := New(cfg), time.Duration(0)
		for m.quarantines = 1; m.quarantines < 100; m.quarantines++ {
			d := m.backoff()
			if d < last || d > m.cfg.MaxBackoff || d < m.cfg.Backoff || last > 0 && d-last > last {
				t.Fatalf("%+v: quarantine %d lasts %d, the one before %d", cfg, m.quarantines, d, last)
			}
			last = d
		}
		if last != m.cfg.MaxBackoff {
			t.Errorf("%+v: at last %d", cfg, last)
		}
	}
}

func TestNeverDisabled(t *testing.T) {
	m, now := New(Config{Disable: -1}), time.Duration(0)
	for range 1000 {
		m.Violation(now, "limit", Fatal)
		if m.State() != Quarantined {
			t.Fatalf("%+v", m.Status())
		}
		now = m.Status().Until
		m.Advance(now)
	}
}

func TestProbation(t *testing.T) {
	// twice returns a mod that came out of its second quarantine at the time 0 of
	// the test, and that time.
	twice := func() (*Machine, time.Duration) {
		m, now := running(Config{}), time.Duration(0)
		for range 2 {
			m.Violation(now, "limit", Fatal)
			now = m.Status().Until
			m.Advance(now)
		}
		return m, now
	}
	t.Run("clean", func(t *testing.T) {
		m, now := twice()
		m.Started(now)
		for _, step := range []struct {
			after       time.Duration
			quarantines int
			probation   bool
		}{{120*s - 1, 2, true}, {120 * s, 1, false}, {240*s - 1, 1, false}, {240 * s, 0, false}} {
			m.Advance(now + step.after)
			if got := m.Status(); got.Quarantines != step.quarantines || got.Probation != step.probation {
				t.Errorf("after %v: %+v, want %+v", step.after, got, step)
			}
		}
	})
	t.Run("clean, in one jump", func(t *testing.T) {
		m, now := twice()
		m.Started(now)
		m.Advance(now + 1000*s)
		if got := m.Status(); got.Quarantines != 0 || got.Probation {
			t.Errorf("%+v", got)
		}
	})
	t.Run("clean, in a jump over two and a half periods", func(t *testing.T) {
		m, now := twice()
		m.quarantines = 4
		m.Started(now)
		m.Advance(now + 300*s)
		if got := m.Status(); got.Quarantines != 2 || got.Until != now+360*s {
			t.Errorf("%+v", got)
		}
	})
	t.Run("one violation", func(t *testing.T) {
		m, now := twice()
		m.Started(now)
		m.Violation(now+119*s, "error", 1)
		if got, want := m.Status(), (Status{State: Quarantined, Reason: "error on probation", Since: now + 119*s, Quarantines: 3, Until: now + 239*s}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Run("a violation after it", func(t *testing.T) {
		m, now := twice()
		m.Started(now)
		m.Advance(now + 130*s)
		m.Violation(now+130*s, "error", 1)
		m.Advance(now + 249*s)
		if got := m.Status(); got.State != Active || got.Quarantines != 1 {
			t.Errorf("the clean period did not begin anew: %+v", got)
		}
		m.Advance(now + 250*s)
		if got := m.Status(); got.Quarantines != 0 {
			t.Errorf("the clean period did not end: %+v", got)
		}
	})
	t.Run("only while it runs", func(t *testing.T) {
		m, now := twice()
		m.Advance(now + 1000*s)
		now += 1000 * s
		m.Started(now)
		m.Advance(now + 100*s)
		m.Pause(now+100*s, Dependency)
		m.Advance(now + 1000*s)
		if got := m.Status(); got.Quarantines != 2 || !got.Probation || got.Until != 0 {
			t.Errorf("it was forgiven without running: %+v", got)
		}
		m.Pause(now+1000*s, Frame) // a handler that goes on is running
		m.Resume(now+1000*s, Dependency)
		if got := m.Status(); got.Until != now+1020*s {
			t.Errorf("%v are left: %+v", got.Until-now-1000*s, got)
		}
		m.Advance(now + 1020*s)
		if got := m.Status(); got.Quarantines != 1 || got.Probation {
			t.Errorf("%+v", got)
		}
	})
}

// TestDown shows that what can only be of a Lua state is not of a mod that has
// none.
func TestDown(t *testing.T) {
	for name, down := range map[string]func(*Machine){
		"quarantined": func(m *Machine) { m.Violation(0, "limit", Fatal) },
		"disabled":    func(m *Machine) { m.Disable(0, "no") },
	} {
		m := running(Config{})
		down(m)
		before := m.Status()
		m.Started(0)
		m.Reloaded(0)
		m.Throttle(0, true)
		m.Pause(0, Frame)
		m.Violation(0, "late", Fatal)
		if diff := cmp.Diff(before, m.Status()); diff != "" {
			t.Errorf("%s (-before +after):\n%s", name, diff)
		}
		m.Enable(0)
		m.Started(0)
		if got := m.State(); got != Active {
			t.Errorf("%s: then %s", name, got)
		}
	}
}

func TestReasons(t *testing.T) {
	m := running(Config{})
	m.Pause(0, Dependency)
	m.Pause(0, Operator)
	if got := m.Reason(); got != Operator.String() {
		t.Errorf("two holds: %q", got)
	}
	m.Resume(0, Operator)
	if got := m.Reason(); got != Dependency.String() {
		t.Errorf("one hold: %q", got)
	}
	for _, text := range []string{strings.Repeat("é", 200), strings.Repeat("x", 253) + "\U0001F600\U0001F600", "a\xff", strings.Repeat("\xff", 1000)} {
		m := running(Config{})
		m.Disable(0, text)
		if got := m.Reason(); len(got) > maxReason || !utf8.ValidString(got) || got[:1] != strings.ToValidUTF8(text, "?")[:1] {
			t.Errorf("%q", got)
		}
	}
	for h := range holds {
		if h.String() == holds.String() {
			t.Errorf("hold %d has no name", h)
		}
	}
}

// TestManyPoints shows that a mod with more violations than are remembered is
// judged too strictly, if anything.
func TestManyPoints(t *testing.T) {
	cfg := Config{Window: 1000 * s, Quarantine: 1000}
	m := running(cfg)
	for i := range 999 {
		m.Violation(time.Duration(i)*s, "error", 1)
	}
	if got := m.Status().Points; got != 999 {
		t.Errorf("%d points within the window, want all 999", got)
	}
	if len(m.points) > maxEntries {
		t.Errorf("%d violations are remembered by themselves", len(m.points))
	}
	if m.Violation(999*s, "error", 1); m.State() != Quarantined {
		t.Errorf("%+v", m.Status())
	}
}
