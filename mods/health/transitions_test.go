package health

import (
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// transitions are all that there are: from, to, and the methods that make them.
var transitions = map[[2]State][]string{
	{Loaded, Active}:         {"Started"},
	{Loaded, Paused}:         {"Pause", "Started"},
	{Loaded, Throttled}:      {"Started"},
	{Loaded, Failing}:        {"Started"},
	{Loaded, Quarantined}:    {"Violation", "Withdraw"},
	{Loaded, Disabled}:       {"Disable", "Violation"},
	{Active, Loaded}:         {"Reloaded"},
	{Active, Paused}:         {"Pause"},
	{Active, Throttled}:      {"Throttle"},
	{Active, Failing}:        {"Violation"},
	{Active, Quarantined}:    {"Violation", "Withdraw"},
	{Active, Disabled}:       {"Disable", "Violation"},
	{Paused, Loaded}:         {"Reloaded", "Resume"},
	{Paused, Active}:         {"Resume"},
	{Paused, Throttled}:      {"Resume", "Throttle"},
	{Paused, Failing}:        {"Resume", "Violation"},
	{Paused, Quarantined}:    {"Violation", "Withdraw"},
	{Paused, Disabled}:       {"Disable", "Violation"},
	{Throttled, Loaded}:      {"Reloaded"},
	{Throttled, Active}:      {"Throttle"},
	{Throttled, Paused}:      {"Pause", "Throttle"},
	{Throttled, Failing}:     {"Violation"},
	{Throttled, Quarantined}: {"Violation", "Withdraw"},
	{Throttled, Disabled}:    {"Disable", "Violation"},
	{Failing, Loaded}:        {"Reloaded"},
	{Failing, Active}:        {"Advance"},
	{Failing, Paused}:        {"Advance", "Pause"},
	{Failing, Throttled}:     {"Advance"},
	{Failing, Quarantined}:   {"Violation", "Withdraw"},
	{Failing, Disabled}:      {"Disable", "Violation"},
	{Quarantined, Loaded}:    {"Advance", "Enable", "Readmit"},
	{Quarantined, Paused}:    {"Advance", "Enable", "Readmit"},
	{Quarantined, Disabled}:  {"Disable"},
	{Disabled, Quarantined}:  {"Enable"},
	{Disabled, Loaded}:       {"Enable"},
	{Disabled, Paused}:       {"Enable"},
}

// TestDrawings holds what people read against the table.
func TestDrawings(t *testing.T) {
	for file, edge := range map[string]string{
		"RATIONALE.md": `(?m)^    (\w+) --> (\w+): (.*)$`,
		"doc.go":       `(?m)^//\t(\w+) -> (\w+): (.*)$`,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got := map[[2]State][]string{}
		for _, m := range regexp.MustCompile(edge).FindAllStringSubmatch(string(text), -1) {
			key := [2]State{State(m[1]), State(m[2])}
			if got[key] != nil {
				t.Errorf("%s: %v is drawn twice", file, key)
			}
			got[key] = strings.Split(m[3], ", ")
		}
		if diff := cmp.Diff(transitions, got); diff != "" {
			t.Errorf("%s (-table +drawn):\n%s", file, diff)
		}
	}
}

// operation is one call of a method.
type operation struct {
	name string
	call func(m *Machine, now time.Duration) Change
}

var kinds = []string{"error", "", "limit", strings.Repeat("ö", 300), "\xff\xfe\x00"}

// randomOperation returns a call with random arguments.
func randomOperation(r *rand.Rand) operation {
	h := Hold(r.IntN(int(holds) + 1)) // one of them is unknown
	kind := kinds[r.IntN(len(kinds))]
	switch r.IntN(20) {
	case 0, 1:
		return operation{"Started", func(m *Machine, now time.Duration) Change { return m.Started(now) }}
	case 2:
		return operation{"Reloaded", func(m *Machine, now time.Duration) Change { return m.Reloaded(now) }}
	case 3:
		return operation{"Pause", func(m *Machine, now time.Duration) Change { return m.Pause(now, h) }}
	case 4, 5, 6:
		return operation{"Resume", func(m *Machine, now time.Duration) Change { return m.Resume(now, h) }}
	case 7, 8:
		on := r.IntN(2) == 0
		return operation{"Throttle", func(m *Machine, now time.Duration) Change { return m.Throttle(now, on) }}
	case 9, 10:
		weight := []int{1, 1, 1, 2, 3, 0, -7, math.MinInt, Fatal - 1, Fatal, math.MaxInt}[r.IntN(11)]
		return operation{"Violation", func(m *Machine, now time.Duration) Change { return m.Violation(now, kind, weight) }}
	case 11:
		return operation{"Violation", func(m *Machine, now time.Duration) Change { return m.Violation(now, kind, 1) }}
	case 12, 13:
		return operation{"Advance", func(m *Machine, now time.Duration) Change { return m.Advance(now) }}
	case 14:
		if r.IntN(4) > 0 {
			return operation{"Advance", func(m *Machine, now time.Duration) Change { return m.Advance(now) }}
		}
		return operation{"Disable", func(m *Machine, now time.Duration) Change { return m.Disable(now, kind) }}
	case 15:
		if r.IntN(3) == 0 {
			return operation{"Withdraw", func(m *Machine, now time.Duration) Change { return m.Withdraw(now, kind) }}
		}
		return operation{"Readmit", func(m *Machine, now time.Duration) Change { return m.Readmit(now) }}
	case 16, 17, 18:
		return operation{"Readmit", func(m *Machine, now time.Duration) Change { return m.Readmit(now) }}
	}
	return operation{"Enable", func(m *Machine, now time.Duration) Change { return m.Enable(now) }}
}

// randomTime moves the time, mostly on, by amounts that matter and by absurd ones.
func randomTime(r *rand.Rand, m *Machine, now time.Duration) time.Duration {
	switch r.IntN(20) {
	case 0:
		return now - time.Duration(r.Int64N(int64(time.Hour)))
	case 1:
		if r.IntN(50) == 0 {
			return time.Duration(r.Uint64())
		}
		return satAdd(max(now, 0), time.Duration(r.Int64N(int64(time.Hour))))
	case 2, 3, 4:
		if next, ok := m.Next(); ok {
			return next
		}
	case 5:
		if next, ok := m.Next(); ok {
			return next - 1
		}
	case 6, 7, 8, 9:
		return satAdd(max(now, 0), time.Duration(r.Int64N(int64(10*time.Second))))
	}
	return now
}

func randomConfig(r *rand.Rand) Config {
	duration := func() time.Duration {
		return []time.Duration{0, -5, 1, time.Second, time.Minute, math.MaxInt64}[r.IntN(6)]
	}
	number := func() int { return []int{0, -1, 1, 2, 10, 300, math.MaxInt}[r.IntN(7)] }
	if r.IntN(3) == 0 {
		return Config{}
	}
	return Config{duration(), number(), number(), duration(), duration(), duration(), number()}
}

// TestRandomOperations holds the promises of the package against random calls,
// and the table of transitions against what happens: nothing else does, and all
// of it does.
func TestRandomOperations(t *testing.T) {
	seen := map[[2]State][]string{}
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 1))
		m, now := New(randomConfig(r)), time.Duration(0)
		for step := range 150 {
			now = randomTime(r, m, now)
			op := randomOperation(r)
			before := m.Status()
			c := op.call(m, now)
			if err := broken(m, before, op.name, c); err != "" {
				t.Fatalf("seed %d, step %d, %s at %d: %s\nbefore %+v\nafter  %+v\nchange %+v\nconfig %+v", seed, step, op.name, now, err, before, m.Status(), c, m.cfg)
			}
			if c.Changed() {
				key := [2]State{c.From, c.To}
				if !slices.Contains(seen[key], op.name) {
					seen[key] = append(seen[key], op.name)
					slices.Sort(seen[key])
				}
			}
			if r.IntN(40) == 0 {
				m = restarted(t, m, r)
			}
		}
	}
	if diff := cmp.Diff(transitions, seen); diff != "" {
		t.Errorf("transitions (-table +seen):\n%s", diff)
	}
}

// broken names a promise that a machine breaks after a call, or returns "".
func broken(m *Machine, before Status, op string, c Change) string {
	s := m.Status()
	next, ok := m.Next()
	sum := 0
	for _, p := range m.points {
		sum += p.weight
	}
	switch {
	case s.State != before.State && c != (Change{before.State, s.State, s.Reason, m.now}):
		return "the change is another one"
	case s.State == before.State && c.Changed():
		return "a change of nothing"
	case s.State != before.State && s.Since != m.now, s.State == before.State && s.Since != before.Since:
		return "wrong Since"
	case before.State == Disabled && s.State != Disabled && op != "Enable":
		return "it is no longer disabled"
	case m.Withdrawn() && s.State.Runs():
		return "what was withdrawn runs"
	case op != "Readmit" && op != "Withdraw" && (s.Reason == before.Reason) != true && m.Withdrawn() && before.State == Quarantined && s.State == Quarantined:
		return "another reason for what was withdrawn"
	case s.State == Quarantined && !ok && !m.Withdrawn():
		return "a quarantine without end"
	case s.State == Quarantined && !m.Withdrawn() && before.State != Quarantined && (s.Until < m.now || s.Until-m.now > m.cfg.MaxBackoff):
		return "a quarantine of a wrong length"
	case op == "Advance" && before.State == Quarantined && before.Until <= m.now && s.State == Quarantined && !m.Withdrawn():
		return "a quarantine that does not end"
	case op != "Advance" && op != "Enable" && op != "Disable" && op != "Readmit" && before.State == Quarantined && s.State != Quarantined:
		return "a quarantine that ends early"
	case op == "Advance" && before.State == Quarantined && before.Until > m.now && s.State != Quarantined:
		return "a quarantine that Advance ends early"
	case ok && op == "Advance" && next < m.now, ok && op == "Advance" && next == m.now && m.now != math.MaxInt64:
		return "Next is not after Advance"
	case ok && next < 0:
		return "Next is before the beginning of time"
	case len(m.points) > maxEntries || cap(m.points) > 2*maxEntries:
		return "too much memory"
	case sum != m.sum || s.Points != sum || sum < 0:
		return "the points do not add up"
	case s.State.Runs() && sum >= m.cfg.Quarantine && op == "Violation":
		return "more points than a mod can have"
	case !s.State.Runs() && (m.started || m.throttled || m.failing || m.held[Frame] || m.sum > 0):
		return "what was true of a Lua state that is no more is remembered"
	case s.State == Disabled && ok:
		return "there is something to do for a disabled mod"
	case s.Quarantines < 0 || m.cfg.Disable > 0 && s.State != Disabled && s.Quarantines >= m.cfg.Disable:
		return "more quarantines than a mod can have"
	case s.Quarantines < before.Quarantines && op != "Advance" && op != "Enable":
		return "a quarantine is forgiven out of time"
	case s.Probation && s.Quarantines == 0, m.cleanLeft < 0, m.cleanLeft > m.cfg.Probation:
		return "a wrong probation"
	case len(s.Reason) > maxReason:
		return "too long a reason"
	case (s.Reason == "") != (s.State == Loaded || s.State == Active):
		return "a reason too much, or none"
	}
	return ""
}

// TestIdle shows that a mod to which nothing happens is not to be woken.
func TestIdle(t *testing.T) {
	m := New(Config{})
	m.Started(0)
	if next, ok := m.Next(); ok {
		t.Errorf("Next of a mod that did nothing: %v", next)
	}
	m.Violation(0, "limit", Fatal)
	for i := 0; ; i++ {
		next, ok := m.Next()
		if !ok {
			break
		}
		if m.Advance(next); m.State() == Loaded {
			m.Started(next)
		}
		if i > 10 {
			t.Fatalf("still to be woken after %v: %+v", next, m.Status())
		}
	}
	if s := m.Status(); s.State != Active || s.Quarantines != 0 {
		t.Errorf("when all is forgiven: %+v", s)
	}
}
