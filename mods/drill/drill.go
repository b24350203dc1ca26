package drill

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// Options say against what the drills are run. The zero Options are a host as
// mods.Open makes it, with the mods of [Bystanders].
type Options struct {
	// Open opens a host as the game does. It is given what the drill needs, and may
	// set what it does not: Limits, Memory, Frame.Workers, Health, Priorities, Flags,
	// and add to Capabilities and Events. Nil: mods.Open.
	Open func(mods.Config) (*mods.Host, error)
	// Bystanders are the mods that must not notice. They have to be well by
	// themselves, and not to use up their shares of the frames. Nil: Bystanders().
	Bystanders []mods.Source
	// Step, if not nil, is called before each tick with its number: what the game
	// says to its mods. It has to do the same in every run.
	Step func(h *mods.Host, tick int64)
	// Restart returns the command that makes this program call [Child] with that
	// folder. Nil: the drill that kills a process is skipped.
	Restart func(ctx context.Context, folder string) *exec.Cmd
	// Only names the drills to run. Empty: all.
	Only []string
	// Progress, if not nil, is called before each drill.
	Progress func(name string, done, all int)
}

// Drill is one fault that can be injected.
type Drill struct {
	Name string `json:"name"`
	Doc  string `json:"doc"` // what is injected, in a sentence

	run func(*trial)
}

// Span is a stretch of a run.
type Span struct {
	Ticks int64         `json:"ticks"`
	Time  time.Duration `json:"time_ns"` // of the simulation
}

// Others is what became of the bystanders. They are compared with themselves in a
// run without the fault, tick by tick: instructions (to a hundredth), calls, calls of
// the host, events dropped, what they print and log, and state.
type Others struct {
	Mods     int `json:"mods"`
	Affected int `json:"affected"` // that differ in any tick
	// Late is for how many ticks in a row one of them had none of the instructions
	// that it has without the fault; Bound is what the drill allows, 0 where
	// nothing may differ.
	Late  int64 `json:"late_ticks"`
	Bound int64 `json:"bound_ticks"`
	// Exempt are those that take part in the fault, such as those that store when
	// the store fails, and those that hear of them. They have only to be well.
	Exempt []string `json:"exempt"`
}

// Result is what one drill found.
type Result struct {
	Drill
	Passed  bool   `json:"passed"`
	Skipped string `json:"skipped,omitempty"` // why it was not run; it has then passed
	// Detected is how long after the fault began the host told of it, Recovered how
	// long after it was contained, or, where the fault lasts until the drill ends
	// it, after that, all was as before. Nil: it did not happen.
	Detected  *Span `json:"detected"`
	Recovered *Span `json:"recovered"`
	// Contained says in a word what the host did about it; "" if not enough.
	Contained string        `json:"contained"`
	Others    Others        `json:"others"`
	Wall      time.Duration `json:"wall_ns"` // of the drill; it decides nothing
	// Problems are why it did not pass.
	Problems []string `json:"problems"`
}

// Report is what all drills found, in the order of [All].
type Report struct {
	Passed  bool     `json:"passed"`
	Results []Result `json:"drills"`
}

// NameError is a name in Options.Only that no drill has.
type NameError struct {
	Name       string
	Suggestion string // a name that is close; "" if none is
}

// Error says which name, and what was meant.
func (e *NameError) Error() string {
	if e.Suggestion != "" {
		return fmt.Sprintf("there is no drill %q; did you mean %q?", e.Name, e.Suggestion)
	}
	return fmt.Sprintf("there is no drill %q", e.Name)
}

// BystanderError is a mod that cannot be a bystander.
type BystanderError struct {
	Mod    string // its id, or its source if that is not known
	Source string // its path, as in Options.Bystanders
	Reason string
	Err    error // why it was refused, nil if it was not
}

// Error names the mod and the reason.
func (e *BystanderError) Error() string {
	return fmt.Sprintf("bystander %s: %s", e.Mod, e.Reason)
}

// Unwrap returns why the mod was refused.
func (e *BystanderError) Unwrap() error { return e.Err }

// All returns the drills that there are. The slice is the caller's.
func All() []Drill {
	return []Drill{
		{"runaway-loop", "A mod loops without end.", runawayLoop},
		{"memory-balloon", "A mod takes all memory that it can get.", memoryBalloon},
		{"output-flood", "Mods print and log as much as they can.", outputFlood},
		{"event-storm", "A mod sends as many events as it can, and two answer each of the other's with two.", eventStorm},
		{"service-abuse", "A mod calls the service of another without end.", serviceAbuse},
		{"failing-mod", "A mod fails in every tick, and comes back failing after each quarantine.", failingMod},
		{"engine-panic", "A function of the engine's panics.", enginePanic},
		{"slow-engine", "A function of the engine's takes longer than a frame may.", slowEngine},
		{"no-answer", "Work of a capability never ends.", noAnswer},
		{"storage-fails", "The store cannot be written to for some time.", storageFails},
		{"storage-full", "The disk is full for some time, and a mod's quota is.", storageFull},
		{"clock-jump", "The clock goes back a year, then ahead two, and a tick takes an hour.", clockJump},
		{"broken-reload", "Broken versions of a mod that runs are loaded.", brokenReload},
		{"hostile-mods", "Damaged archives and hostile manifests are loaded.", hostileMods},
		{"kill-restart", "The process is killed while it writes, several times.", killRestart},
	}
}

// Run runs the drills one after the other. It reads no clock to decide anything:
// with the same options the report is the same, but for the wall time.
//
// The errors: [*NameError], [*BystanderError]; what Options.Open returned; one that
// matches ctx.Err(), beside the results that there are.
func Run(ctx context.Context, o Options) (Report, error) { return run(ctx, o, false) }

// run is Run. In a dud nothing is injected: every drill has to fail.
func run(ctx context.Context, o Options, dud bool) (Report, error) {
	if o.Open == nil {
		o.Open = mods.Open
	}
	if o.Bystanders == nil {
		o.Bystanders = Bystanders()
	}
	drills, err := choose(o.Only)
	if err != nil {
		return Report{}, err
	}
	check := &trial{ctx: ctx, options: o}
	if err := check.bystanders(); err != nil {
		return Report{}, err
	}
	report := Report{Passed: true, Results: []Result{}}
	for i, d := range drills {
		if o.Progress != nil {
			o.Progress(d.Name, i, len(drills))
		}
		t := &trial{ctx: ctx, options: o, dud: dud, exempt: map[string]bool{}}
		t.Result = Result{Drill: d, Others: Others{Mods: len(o.Bystanders), Exempt: []string{}}, Problems: []string{}}
		began := time.Now()
		d.run(t)
		t.Wall = time.Since(began)
		if err := ctx.Err(); err != nil {
			report.Passed = false
			return report, fmt.Errorf("drills: %w", context.Cause(ctx))
		}
		t.conclude()
		report.Passed = report.Passed && t.Passed
		report.Results = append(report.Results, t.Result)
	}
	return report, nil
}

// choose returns the drills of those names, in the order of All.
func choose(names []string) ([]Drill, error) {
	all := All()
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	for _, d := range all {
		known = append(known, d.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, &NameError{Name: name, Suggestion: manifest.Nearest(name, known)}
		}
	}
	return slices.DeleteFunc(all, func(d Drill) bool { return !slices.Contains(names, d.Name) }), nil
}

// trial is one drill that is being run.
type trial struct {
	Result
	ctx     context.Context
	options Options
	dud     bool
	exempt  map[string]bool // bystanders that take part in the fault
}

// problem notes why the drill does not pass.
func (t *trial) problem(format string, args ...any) {
	t.Problems = append(t.Problems, fmt.Sprintf(format, args...))
}

// require notes a problem unless something holds.
func (t *trial) require(holds bool, format string, args ...any) {
	if !holds {
		t.problem(format, args...)
	}
}

// contained says what the host did about the fault, if it did.
func (t *trial) contained(how string, holds bool) {
	if holds {
		t.Contained = how
	}
}

// detected and recovered say when, by the number of a tick, counted from another;
// 0 is never.
func (t *trial) detected(w *world, from, at int64)  { t.Detected = w.span(from, at) }
func (t *trial) recovered(w *world, from, at int64) { t.Recovered = w.span(from, at) }

// span is from one tick to another; nil if there is no other.
func (w *world) span(from, to int64) *Span {
	if from <= 0 || to <= 0 {
		return nil
	}
	return &Span{Ticks: to - from, Time: w.times[to] - w.times[from]}
}

// conclude decides whether the drill has passed.
func (t *trial) conclude() {
	if t.Skipped != "" {
		t.Passed = true
		return
	}
	t.require(t.Detected != nil, "not detected")
	t.require(t.Contained != "", "not contained")
	t.require(t.Recovered != nil, "not recovered")
	t.Passed = len(t.Problems) == 0
}

// bystanders checks that they are well without any fault.
func (t *trial) bystanders() error {
	w := t.play(setup{most: 2 * faultTick}, false)
	if w.err != nil {
		return w.err
	}
	for i, m := range w.bystanders {
		name := m.ID()
		if name == "" {
			name = t.options.Bystanders[i].Path
		}
		r, e := m.Report(), &BystanderError{Mod: name, Source: t.options.Bystanders[i].Path}
		switch {
		case r.State == mods.Refused:
			e.Reason, e.Err = r.Reason, m.Err()
		case strings.HasPrefix(name, ownPrefix):
			e.Reason = "ids that begin with " + ownPrefix + " are those of the drills' own mods"
		case !r.State.Runs() || !r.Health.Started || r.ViolationCount > 0:
			e.Reason = "it is " + string(r.State) + " without any fault: " + firstProblem(r)
		case r.Share < 1 || r.Waiting > 0:
			e.Reason = "it uses its whole share of the frames by itself, so that its part is never the same"
		default:
			continue
		}
		return e
	}
	return nil
}

func firstProblem(r mods.Report) string {
	switch {
	case r.Reason != "":
		return r.Reason
	case len(r.Violations) > 0:
		return r.Violations[0].Message
	}
	return "its main file has not ended"
}

var errNoHost = errors.New("drill: Options.Open returned neither a host nor an error")
