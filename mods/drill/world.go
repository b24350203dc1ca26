package drill

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/storage"
)

//go:embed bystanders faults
var files embed.FS

// ownPrefix begins the ids of the mods in the folder faults.
const ownPrefix = "drill-"

// Bystanders returns some small mods that do what mods do: timers, events, waiting
// tasks, services, random numbers, storage.
func Bystanders() []mods.Source {
	var all []mods.Source
	for _, name := range []string{"lamplighter", "watchman", "miller", "baker", "clerk"} {
		all = append(all, embedded("bystanders/"+name))
	}
	return all
}

// embedded opens a mod of ours.
func embedded(folder string) mods.Source {
	sub, err := fs.Sub(files, folder)
	if err != nil {
		return mods.Source{Path: folder, Err: err}
	}
	b, err := bundle.Open(sub, bundle.Limits{})
	return mods.Source{Bundle: b, Path: folder, Err: err}
}

const (
	// faultTick is the tick in which a fault begins: the mods are loaded, and at
	// their work.
	faultTick = 20
	// calmTick is the tick in which the drill ends a fault that goes on.
	calmTick = 60
	// tickTime is the simulation time of a tick.
	tickTime = 50 * time.Millisecond
)

// setup is what a run consists of, with the fault or without.
type setup struct {
	faults []string                       // the drill's own mods, by their folders
	config func(*world, *mods.Config)     // what the drill needs of the host
	dt     func(tick int64) time.Duration // nil: tickTime
	before func(*world)                   // before each tick; w.tick is its number
	over   func(*world) bool              // after each tick: whether to end
	most   int64                          // ticks
}

// world is one run of a host.
type world struct {
	host       *mods.Host
	faulty     bool
	bystanders []*mods.Mod
	tick       int64
	times      []time.Duration                 // by tick: the simulation time at its end
	status     mods.Status                     // at the end of the last tick
	entered    map[string]map[mods.State]int64 // by id: the first tick since faultTick at whose end it is in a state
	marks      map[string][]mark               // by id and tick
	budgets    []int64                         // by tick: what the next frame may use
	lowest     int64                           // of these
	cut        []int64                         // ticks that the guard ended
	overrun    int64                           // the most that a frame used beyond its budget
	err        error                           // what ended the run

	elapsed time.Duration // the clock of the guard
	jump    time.Duration // what is wrong with the clock that mods see
	store   *faultyStore
	engine  engine

	mu         sync.Mutex
	lines      map[string][]line // printed and logged, by id
	logged     map[string]int    // lines logged in this tick, by id
	mostLogged map[string]int
	violations []violation
	messages   []string // of the host's own, at level Error
}

// mark is how a mod was at the end of a tick.
type mark struct {
	state                                   mods.State
	share                                   float64
	instructions, calls, hostCalls, dropped int64
	waiting, parked                         int
	text                                    uint64 // all that it has printed and logged, in this order and these ticks
}

// line is one that a mod printed or logged.
type line struct {
	tick int64
	text string
}

// violation is one that the host told of.
type violation struct {
	tick  int64
	mod   string
	kind  mods.ViolationKind
	limit string
}

// mostOverrun is what a frame may use beyond its budget: one charge. The largest is
// for a census of a mod's whole memory, with what is to be added to it.
func (w *world) mostOverrun() int64 {
	most := int64(0)
	for _, m := range w.host.Mods() {
		memory := m.Limits().WithDefaults().Memory
		if memory == limits.Unlimited {
			memory = limits.DefaultMemory
		}
		most = max(most, memory)
	}
	return 2*most/limits.CensusBytesPerUnit + 100_000
}

// play runs a host.
func (t *trial) play(s setup, faulty bool) *world {
	w := &world{
		faulty: faulty, times: []time.Duration{0}, budgets: []int64{0}, marks: map[string][]mark{}, entered: map[string]map[mods.State]int64{},
		lines: map[string][]line{}, logged: map[string]int{}, mostLogged: map[string]int{}, store: &faultyStore{},
	}
	w.engine.world = w
	cfg := mods.Config{
		Policy:       mods.PolicyAll,
		Limits:       limits.Limits{Time: limits.UnlimitedTime},
		Frame:        mods.Frame{Guard: limits.UnlimitedTime},
		Capabilities: []mods.Capability{w.engine.capability()},
		OpenStore:    func(string) (storage.Store, error) { return w.store, nil },
		Output:       printed{w},
		Logger:       slog.New(logged{w}),
		Now:          w.now,
		Elapsed:      func() time.Duration { return w.elapsed },
	}
	if s.config != nil {
		s.config(w, &cfg)
	}
	w.host, w.err = t.options.Open(cfg)
	if w.err == nil && w.host == nil {
		w.err = errNoHost
	}
	if w.err != nil {
		return w
	}
	defer func() {
		if err := w.host.Close(); err != nil && w.err == nil {
			w.err = fmt.Errorf("close: %w", err)
		}
	}()
	sources := slices.Clone(t.options.Bystanders)
	for _, name := range s.faults {
		sources = append(sources, embedded("faults/"+name))
	}
	loaded, _ := w.host.Load(sources...) // each mod has its own error
	if len(loaded) != len(sources) {
		w.err = fmt.Errorf("drill: of %d mods the host took %d", len(sources), len(loaded))
		return w
	}
	w.bystanders = loaded[:len(t.options.Bystanders)]
	for i, m := range loaded[len(w.bystanders):] {
		if err := m.Err(); err != nil {
			w.err = fmt.Errorf("drill: its own mod %q: %w", s.faults[i], err)
			return w
		}
	}
	for w.tick < s.most && w.err == nil {
		w.step(t, &s)
		if s.over != nil && s.over(w) {
			break
		}
	}
	return w
}

// step is one tick.
func (w *world) step(t *trial, s *setup) {
	w.mu.Lock()
	w.tick++
	clear(w.logged)
	w.mu.Unlock()
	if t.options.Step != nil {
		t.options.Step(w.host, w.tick)
	}
	if s.before != nil {
		s.before(w)
	}
	dt := tickTime
	if s.dt != nil {
		dt = s.dt(w.tick)
	}
	if err := w.host.Tick(t.ctx, dt); err != nil && w.err == nil {
		w.err = fmt.Errorf("tick %d: %w", w.tick, err)
	}
	w.observe()
}

// observe takes down how everything is at the end of a tick.
func (w *world) observe() {
	s := w.host.Status()
	w.status = s
	w.times = append(w.times, s.Time)
	w.budgets = append(w.budgets, s.Budget)
	if w.lowest == 0 || s.Budget < w.lowest {
		w.lowest = s.Budget
	}
	if s.Cut {
		w.cut = append(w.cut, w.tick)
	}
	w.overrun = max(w.overrun, s.Used-s.Configured)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range s.Mods {
		if r.ID == "" || r.State == mods.Refused {
			continue
		}
		marks := w.marks[r.ID]
		for int64(len(marks)) < w.tick-1 {
			marks = append(marks, mark{}) // it was not there
		}
		m := mark{
			state: r.State, share: r.Share, instructions: r.Instructions, calls: r.Calls, hostCalls: r.HostCalls,
			dropped: r.EventsDropped, waiting: r.Waiting, parked: r.Parked,
		}
		if n := len(marks); n > 0 {
			m.text = marks[n-1].text
		}
		m.text = w.digest(m.text, r.ID)
		w.marks[r.ID] = append(marks, m)
		if states := w.entered[r.ID]; states == nil {
			w.entered[r.ID] = map[mods.State]int64{}
		} else if states[m.state] == 0 && w.tick >= faultTick {
			states[m.state] = w.tick
		}
	}
}

// digest adds the lines of this tick to those before.
func (w *world) digest(before uint64, id string) uint64 {
	h := fnv.New64a()
	fmt.Fprintln(h, before)
	n := 0
	for _, l := range slices.Backward(w.lines[id]) {
		if l.tick != w.tick {
			break
		}
		fmt.Fprintln(h, l.text)
		n++
	}
	if n == 0 {
		return before
	}
	return h.Sum64()
}

// now is the clock that mods see.
func (w *world) now() time.Time {
	begin := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	return begin.Add(time.Duration(w.tick)*tickTime + w.jump)
}

// begins reports whether the fault begins, changes or ends in this tick.
func (w *world) begins(tick int64) bool { return w.faulty && w.tick == tick }

// tell calls a function of a mod of the drill's.
func (w *world) tell(mod, function string, args ...any) {
	if _, err := w.host.Call(ownPrefix+mod, function, args...); err != nil && w.err == nil {
		w.err = err
	}
}

// mod returns a mod of the drill's.
func (w *world) mod(name string) *mods.Mod { return w.host.Mod(ownPrefix + name) }

// at returns how a mod of the drill's was at the end of a tick.
func (w *world) at(mod string, tick int64) mark {
	marks := w.marks[ownPrefix+mod]
	if tick < 1 || tick >= int64(len(marks)+1) {
		return mark{}
	}
	return marks[tick-1]
}

// enters returns the first tick since the fault began at whose end a mod of the drill's
// is in a state, 0 if there is none.
func (w *world) enters(mod string, state mods.State) int64 { return w.entered[ownPrefix+mod][state] }

// last returns how a mod of the drill's is.
func (w *world) last(mod string) mark { return w.at(mod, w.tick) }

// violated returns the tick of the first violation of a kind, and of limit if it is
// not "", of a mod of the drill's since the fault began; 0 if there was none.
func (w *world) violated(mod string, kind mods.ViolationKind, limit string) int64 {
	for _, v := range w.violations {
		if v.tick >= faultTick && v.mod == ownPrefix+mod && v.kind == kind && (limit == "" || v.limit == limit) {
			return v.tick
		}
	}
	return 0
}

// first returns the first tick from one on at whose end something holds, 0 if there
// was none.
func (w *world) first(from int64, holds func(tick int64) bool) int64 {
	for tick := max(from, 1); tick <= w.tick; tick++ {
		if holds(tick) {
			return tick
		}
	}
	return 0
}

// runs reports whether a mod of the drill's is loaded and takes part.
func (m mark) runs() bool {
	switch m.state {
	case mods.Active, mods.Throttled, mods.Paused, mods.Failing:
		return true
	}
	return false
}

// said returns the lines of a mod of the drill's that begin with a text.
func (w *world) said(mod, prefix string) []line {
	var found []line
	for _, l := range w.lines[ownPrefix+mod] {
		if strings.HasPrefix(l.text, prefix) {
			found = append(found, l)
		}
	}
	return found
}

// printed is the Output of a host.
type printed struct{ w *world }

// Write takes one line, "[id] text\n".
func (p printed) Write(b []byte) (int, error) {
	id, text, found := bytes.Cut(bytes.TrimPrefix(b, []byte("[")), []byte("] "))
	if found {
		p.w.hear(string(id), strings.TrimSuffix(string(text), "\n"))
	}
	return len(b), nil
}

func (w *world) hear(id, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines[id] = append(w.lines[id], line{w.tick, text})
}

// logged is the handler of a host's Logger.
type logged struct{ w *world }

func (l logged) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelDebug }
func (l logged) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l logged) WithGroup(string) slog.Handler                    { return l }

// Handle takes lines of mods, and violations.
func (l logged) Handle(_ context.Context, r slog.Record) error {
	values := map[string]string{}
	r.Attrs(func(a slog.Attr) bool {
		values[a.Key] = a.Value.String()
		return true
	})
	w := l.w
	switch r.Message {
	case mods.LogMessage:
		w.hear(values["mod"], values["text"]+" "+values["fields"])
		w.mu.Lock()
		defer w.mu.Unlock()
		w.logged[values["mod"]]++
		w.mostLogged[values["mod"]] = max(w.mostLogged[values["mod"]], w.logged[values["mod"]])
	case "mod violation":
		w.mu.Lock()
		defer w.mu.Unlock()
		w.violations = append(w.violations, violation{w.tick, values["mod"], mods.ViolationKind(values["kind"]), values["limit"]})
	default:
		if r.Level >= slog.LevelError {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.messages = append(w.messages, r.Message)
		}
	}
	return nil
}
