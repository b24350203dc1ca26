package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/schedule"
)

// hostFlags are the flags that say how a host divides its time among mods, and
// whether it keeps an account of them.
type hostFlags struct {
	frame      int64
	guard      time.Duration // 0: none
	workers    int
	tick       time.Duration
	priorities map[string]mods.Priority
	audit      string // a file; "": none
	metrics    string // a file; "": none
}

// defaultTick is the simulation time of a tick unless told otherwise.
const defaultTick = 50 * time.Millisecond

// mostWorkers is what a host takes.
const mostWorkers = 256

// register adds the flags.
func (f *hostFlags) register(cmd *cobra.Command) {
	set := cmd.Flags()
	f.frame, f.tick = mods.DefaultFrameInstructions, defaultTick
	set.Var(&spanValue{to: &f.tick, most: mods.MaxTick}, "tick", "simulation time of one tick, such as 50ms")
	set.Var(&countValue{to: &f.frame}, "frame", "most instructions of all mods together in one tick; what is\nnot finished goes on in the next")
	set.Var(&spanValue{to: &f.guard}, "guard", "longest time of the mods in one tick, such as 8ms; what happens then\ndepends on the machine (default none)")
	set.IntVar(&f.workers, "workers", 0, "let mods run on so many goroutines; the outcome does not depend on\nthe number (default all on one)")
	set.Var(&priorityValue{to: &f.priorities}, "priority", "how a mod shares a tick with others: id=high, normal or low, and a\nweight from 1 to 1000, as in weather=high:200; repeat for more")
	_ = cmd.RegisterFlagCompletionFunc("priority", cobra.NoFileCompletions)
	set.StringVar(&f.audit, "audit", "", "keep an audit log in `FILE` (see \"modrunner audit\")")
	set.StringVar(&f.metrics, "metrics", "", "write the figures of the run to `FILE` at its end, in Prometheus' text\nformat")
}

// check finds what the flag parser cannot. The error is one of usage.
func (f *hostFlags) check() error {
	if f.workers < 0 || f.workers > mostWorkers {
		return fmt.Errorf("--workers %d: want a number from 0 to %d", f.workers, mostWorkers)
	}
	return nil
}

// config says it to a host.
func (f *hostFlags) config(cfg *mods.Config) {
	cfg.Frame = mods.Frame{Instructions: f.frame, Guard: f.guard, Workers: f.workers}
	if f.guard == 0 {
		cfg.Frame.Guard = limits.UnlimitedTime // so that every machine does the same
	}
	cfg.Priorities = f.priorities
}

// strangers returns the ids that have a priority and are none of those.
func (f *hostFlags) strangers(ids []string) []string {
	var unknown []string
	for _, id := range slices.Sorted(maps.Keys(f.priorities)) {
		if !slices.Contains(ids, id) {
			unknown = append(unknown, id)
		}
	}
	return unknown
}

// spanValue is the value of a flag that takes a duration above zero.
type spanValue struct {
	to   *time.Duration
	most time.Duration // 0: no bound
}

// String returns the duration, "" for none.
func (v *spanValue) String() string {
	if v.to == nil || *v.to == 0 {
		return ""
	}
	return v.to.String()
}

// Type names the value in the help text.
func (v *spanValue) Type() string { return "DUR" }

// Set reads the duration.
func (v *spanValue) Set(text string) error {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil || d <= 0:
		return errors.New("want a duration above zero, such as 50ms")
	case v.most > 0 && d > v.most:
		return fmt.Errorf("want at most %v", v.most)
	}
	*v.to = d
	return nil
}

// countValue is the value of a flag that takes a whole number above zero.
type countValue struct{ to *int64 }

// String returns the number.
func (v *countValue) String() string {
	if v.to == nil {
		return "0"
	}
	return strconv.FormatInt(*v.to, 10)
}

// Type names the value in the help text.
func (v *countValue) Type() string { return "N" }

// Set reads the number.
func (v *countValue) Set(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return errors.New("want a whole number above zero")
	}
	*v.to = n
	return nil
}

// priorityValue is the value of --priority, ID=CLASS[:WEIGHT].
type priorityValue struct{ to *map[string]mods.Priority }

// String returns nothing: there is no default worth showing.
func (v *priorityValue) String() string { return "" }

// Type names the value in the help text.
func (v *priorityValue) Type() string { return "ID=CLASS:WEIGHT" }

// Set reads the priority of one mod.
func (v *priorityValue) Set(text string) error {
	id, rest, found := strings.Cut(text, "=")
	if !found || id == "" {
		return errors.New("want ID=CLASS or ID=CLASS:WEIGHT, such as weather=high:200")
	}
	name, weight, weighed := strings.Cut(rest, ":")
	class, err := schedule.ParseClass(name)
	if err != nil {
		return fmt.Errorf("the class %q: want high, normal or low", name)
	}
	p := mods.Priority{Class: class}
	if weighed {
		if p.Weight, err = strconv.Atoi(weight); err != nil || p.Weight < 1 || p.Weight > schedule.MaxWeight {
			return fmt.Errorf("the weight %q: want a whole number from 1 to %d", weight, schedule.MaxWeight)
		}
	}
	if *v.to == nil {
		*v.to = map[string]mods.Priority{}
	}
	if _, twice := (*v.to)[id]; twice {
		return fmt.Errorf("%q has a priority already", id)
	}
	(*v.to)[id] = p
	return nil
}
