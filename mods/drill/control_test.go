package drill

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/schedule"
	"github.com/luasandbox/modrunner/mods/storage"
)

// TestNothingInjected: a drill without its fault detects nothing, and so fails.
func TestNothingInjected(t *testing.T) {
	report, err := run(t.Context(), Options{Restart: restart}, true)
	if err != nil || report.Passed || len(report.Results) != len(All()) {
		t.Fatalf("%v, %d drills, passed %v", err, len(report.Results), report.Passed)
	}
	for _, r := range report.Results {
		if r.Passed || r.Skipped != "" || r.Detected != nil || !slices.Contains(r.Problems, "not detected") || r.Others.Affected > 0 {
			t.Errorf("%s: passed %v, detected %v, %q", r.Name, r.Passed, r.Detected, r.Problems)
		}
	}
}

// weakened opens hosts without a guard.
func weakened(weaken func(*mods.Config)) Options {
	return Options{Restart: restart, Open: func(cfg mods.Config) (*mods.Host, error) {
		weaken(&cfg)
		return mods.Open(cfg)
	}}
}

// TestGuardTakenAway: each drill fails where what it drills is not there.
func TestGuardTakenAway(t *testing.T) {
	noQuarantine := func(c *mods.Config) {
		c.Health.Backoff, c.Health.MaxBackoff, c.Health.Disable = 1, 1, -1
	}
	engine := func(place int, member luasandbox.Member) func(*mods.Config) {
		return func(c *mods.Config) {
			real := c.Capabilities[0]
			c.Capabilities[0].Grant = func(g *mods.Grantee) ([]luasandbox.Member, error) {
				members, err := real.Grant(g)
				members[place] = member
				return members, err
			}
		}
	}
	for _, test := range []struct {
		what, drill string
		weaken      func(*mods.Config)
		problem     string // one of those that are found
	}{
		{"no limit of instructions", "runaway-loop", func(c *mods.Config) {
			c.Limits.Instructions, c.Frame.Instructions = limits.Unlimited, 50_000 // or it would take long
		}, "not detected"},
		{"no health", "runaway-loop", noQuarantine, "not contained"},
		{"no fairness", "runaway-loop", func(c *mods.Config) {
			c.Frame.Instructions = 30_000
			c.Priorities = map[string]mods.Priority{"drill-loop": {Class: schedule.High, Weight: 1000}}
		}, "the bystander"},
		{"no limit of memory", "memory-balloon", func(c *mods.Config) {
			c.Limits.Memory, c.Limits.Instructions = 1<<30, 1_000_000 // something has to end it
			c.Memory = limits.Unlimited
		}, "not detected"},
		{"no health", "memory-balloon", noQuarantine, "not contained"},
		{"no limit of output", "output-flood", func(c *mods.Config) {
			c.Limits.Output, c.Limits.Instructions = limits.Unlimited, 1_000_000
		}, "not detected"},
		{"no health", "output-flood", noQuarantine, "not contained"},
		{"floods count nothing", "event-storm", func(c *mods.Config) { c.Health.Quarantine = 1 << 20 }, "not contained"},
		{"nobody is throttled", "service-abuse", func(c *mods.Config) { c.Frame.Instructions = 1 << 30 }, "not detected"},
		{"errors count nothing", "failing-mod", func(c *mods.Config) { c.Health.Quarantine = 1 << 20 }, "not contained"},
		{"never for good", "failing-mod", func(c *mods.Config) {
			c.Health.Disable, c.Health.MaxBackoff = -1, c.Health.Backoff+30*time.Second
		}, "not contained"},
		{"the engine hides its panic", "engine-panic", engine(0, luasandbox.Func("panic", func() {})), "not detected"},
		{"no guard", "slow-engine", func(c *mods.Config) { c.Frame.Guard = limits.UnlimitedTime }, "not detected"},
		{"the guard is too patient", "slow-engine", func(c *mods.Config) { c.Frame.Guard = 2 * slowCall }, "not detected"},
		{"it answers", "no-answer", engine(2, luasandbox.Func("wait", func() {})), "not detected"},
		{"the store hides its errors", "storage-fails", hidden, "not detected"},
		{"the store hides its errors", "storage-full", hidden, "not detected"},
		{"what is allowed in a second is not", "clock-jump", backwards, "in 40 ticks after the clock jumped"},
	} {
		o := weakened(test.weaken)
		o.Only = []string{test.drill}
		report, err := Run(t.Context(), o)
		if err != nil {
			t.Errorf("%s, %s: %v", test.drill, test.what, err)
			continue
		}
		r := report.Results[0]
		found := slices.ContainsFunc(r.Problems, func(p string) bool { return strings.HasPrefix(p, test.problem) })
		t.Logf("%s, %s: %q", test.drill, test.what, r.Problems)
		if report.Passed || r.Passed || !found {
			t.Errorf("%s, %s: passed %v, %q; want %q", test.drill, test.what, r.Passed, r.Problems, test.problem)
		}
	}
}

// hidden makes a store that says it saved what it did not.
func hidden(c *mods.Config) {
	open := c.OpenStore
	c.OpenStore = func(dir string) (storage.Store, error) {
		s, err := open(dir)
		return forgetful{s}, err
	}
}

// backwards makes the capability's rate what package rate does with a clock that goes
// backwards: nothing is allowed until it is where it was.
func backwards(c *mods.Config) {
	limiter := rate.NewLimiter(10, 5)
	grant := c.Capabilities[0].Grant
	c.Capabilities[0].Grant = func(g *mods.Grantee) ([]luasandbox.Member, error) {
		members, err := grant(g)
		members[3] = luasandbox.Func("rated", func() error {
			if !limiter.AllowN(g.Clock(), 1) {
				return luasandbox.Errorf("too often")
			}
			return nil
		})
		return members, err
	}
}

type forgetful struct{ storage.Store }

func (f forgetful) Immediate() {}

func (f forgetful) Save(changes []storage.Change) error {
	_ = f.Store.Save(changes)
	return nil
}

// one runs a drill of the test's.
func one(t *testing.T, o Options, f func(*trial)) Result {
	t.Helper()
	if o.Open == nil {
		o.Open = mods.Open
	}
	if o.Bystanders == nil {
		o.Bystanders = Bystanders()
	}
	tr := &trial{ctx: t.Context(), options: o, exempt: map[string]bool{}}
	f(tr)
	tr.conclude()
	return tr.Result
}

// TestReloadThatWorks: a version that is not broken is no drill.
func TestReloadThatWorks(t *testing.T) {
	r := one(t, Options{}, func(tr *trial) { tr.reloads([]struct{ what, main string }{{"a mod that is well", ""}}) })
	if r.Passed || r.Detected != nil || !strings.Contains(strings.Join(r.Problems, "\n"), "a mod that is well: loaded in place") {
		t.Errorf("%+v", r)
	}
	r = one(t, Options{}, func(tr *trial) {
		tr.reloads([]struct{ what, main string }{{"one that forgets", "return {tick = function() print('count 1') end}"}})
	})
	if r.Passed || !strings.Contains(strings.Join(r.Problems, "\n"), "lost its state") {
		t.Errorf("%+v", r)
	}
}

// TestModThatIsNotHostile: a mod that is not refused is no drill, and one that runs is
// noticed.
func TestModThatIsNotHostile(t *testing.T) {
	all := hostile()
	all["a mod that is well"] = unpacked("well.zip", archive("mod.toml", "[mod]\nid = \"drill-well\"\nversion = \"1.0.0\"\n", "main.lua", `print("ran")`))
	r := one(t, Options{}, func(tr *trial) { tr.refusals(all) })
	text := strings.Join(r.Problems, "\n")
	if r.Passed || !strings.Contains(text, "a mod that is well is") || !strings.Contains(text, "something of the refused mod drill-well ran") || !strings.Contains(text, "not contained") {
		t.Errorf("%+v", r)
	}
}

// TestRestartControls: a process that does not save, that does not wait to be killed,
// or that cannot be started.
func TestRestartControls(t *testing.T) {
	for what, command := range map[string]func(context.Context, string) *exec.Cmd{
		"says that it saves":  childThat(liarMode),
		"saves half of it":    childThat(halfMode),
		"forgets quarantines": childThat(amnesiaMode),
		"ends by itself":      func(ctx context.Context, _ string) *exec.Cmd { return exec.CommandContext(ctx, "go", "version") },
		"is not there":        func(ctx context.Context, _ string) *exec.Cmd { return exec.CommandContext(ctx, "/nowhere/to/be/found") },
	} {
		r := one(t, Options{Restart: command}, killRestart)
		t.Logf("%s: %q", what, r.Problems)
		if r.Passed || len(r.Problems) == 0 {
			t.Errorf("%s: %+v", what, r)
		}
	}
	if r := one(t, Options{}, killRestart); !r.Passed || r.Skipped == "" {
		t.Errorf("without a way to start a process: %+v", r)
	}
}

// TestBystanders: mods that are not well by themselves cannot be bystanders, and the
// drills' own ids are their own.
func TestBystanders(t *testing.T) {
	source := func(id, rest, main string) mods.Source {
		return unpacked(id+".zip", archive("mod.toml", fmt.Sprintf("[mod]\nid = %q\nversion = \"1.0.0\"\n%s", id, rest), "main.lua", main))
	}
	for what, test := range map[string]struct {
		source mods.Source
		want   string // in the error
	}{
		"refused":   {source("wants", "[permissions.nothing]\nreason = \"x\"\n", ""), "no capability"},
		"no mod":    {unpacked("noise.zip", []byte("noise")), "noise.zip"},
		"loops":     {source("loops", "", "while true do end"), "without any fault"},
		"fails":     {source("fails", "", "return {tick = function() error('no') end}"), "without any fault"},
		"busy":      {source("busy", "", "return {tick = function() for i = 1, 1e7 do end end}"), "whole share"},
		"one of us": {source("drill-mine", "", ""), "drills' own"},
	} {
		_, err := Run(t.Context(), Options{Bystanders: []mods.Source{test.source}, Only: []string{"engine-panic"}})
		if b, ok := err.(*BystanderError); !ok || !strings.Contains(b.Error(), test.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestOnly: drills are chosen by name, and run in their own order.
func TestOnly(t *testing.T) {
	var told []string
	report, err := Run(t.Context(), Options{Only: []string{"clock-jump", "engine-panic"}, Progress: func(name string, done, all int) {
		told = append(told, fmt.Sprintf("%s %d/%d", name, done, all))
	}})
	if err != nil || !report.Passed || len(report.Results) != 2 || report.Results[0].Name != "engine-panic" {
		t.Errorf("%v %+v", err, report)
	}
	if diff := cmp.Diff([]string{"engine-panic 0/2", "clock-jump 1/2"}, told); diff != "" {
		t.Error(diff)
	}
	_, err = Run(t.Context(), Options{Only: []string{"clock-jmup"}})
	if e, ok := err.(*NameError); !ok || e.Suggestion != "clock-jump" {
		t.Errorf("%v", err)
	}
}

// TestSameEveryTime: but for the wall time a report is the same on every run, on any
// number of goroutines.
func TestSameEveryTime(t *testing.T) {
	for _, workers := range []int{0, 3} {
		var reports []string
		for range 2 {
			o := weakened(func(c *mods.Config) { c.Frame.Workers = workers })
			o.Only = []string{"runaway-loop", "event-storm", "service-abuse", "slow-engine", "no-answer", "storage-full", "clock-jump"}
			report, err := Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for i := range report.Results {
				r := &report.Results[i]
				r.Wall = 0
				if !r.Passed {
					t.Errorf("%d workers: %s: %q", workers, r.Name, r.Problems)
				}
			}
			text, err := json.Marshal(report)
			if err != nil {
				t.Fatal(err)
			}
			reports = append(reports, string(text))
		}
		if diff := cmp.Diff(reports[0], reports[1]); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	report, err := Run(ctx, Options{Only: []string{"engine-panic", "clock-jump"}, Progress: func(_ string, done, _ int) {
		if done == 1 {
			cancel()
		}
	}})
	if err == nil || report.Passed || len(report.Results) != 1 {
		t.Errorf("%v %+v", err, report)
	}
}
