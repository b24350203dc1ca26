package mods_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
)

// engine is a capability of an engine's.
type engine struct {
	name    string
	options []mods.Option
	grant   *luasandbox.Grant
	err     error
	seen    *mods.Options
}

func (e engine) Name() string           { return e.name }
func (e engine) Doc() string            { return "For tests." }
func (e engine) Options() []mods.Option { return e.options }

func (e engine) Grant(_ *mods.Mod, o mods.Options) (*luasandbox.Grant, error) {
	if e.seen != nil {
		*e.seen = o
	}
	return e.grant, e.err
}

func TestOptions(t *testing.T) {
	var seen mods.Options
	even := func(v any) error {
		if v.(int64)%2 != 0 {
			return errors.New("must be even")
		}
		return nil
	}
	cap := engine{name: "world.edit", seen: &seen, grant: luasandbox.NewGrant("world", ""), options: []mods.Option{
		{Name: "region", Type: mods.TextOption, Required: true, Doc: "where"},
		{Name: "blocks", Type: mods.TextsOption},
		{Name: "count", Type: mods.CountOption, Check: even},
		{Name: "speed", Type: mods.NumberOption},
		{Name: "size", Type: mods.SizeOption},
		{Name: "loud", Type: mods.FlagOption},
	}}
	for rest, good := range map[string]bool{
		"region = 'n'\nblocks = ['a', 'b']\ncount = 4\nspeed = 1\nsize = '1KiB'\nloud = true": true,
		"region = 'n'":                     true,
		"":                                 false,
		"region = 5":                       false,
		"region = 'n'\nblocks = 'a'":       false,
		"region = 'n'\nblocks = [1]":       false,
		"region = 'n'\ncount = 3":          false,
		"region = 'n'\ncount = -2":         false,
		"region = 'n'\ncount = 2.0":        false,
		"region = 'n'\nspeed = 'fast'":     false,
		"region = 'n'\nsize = 0":           false,
		"region = 'n'\nsize = '1 KiB'":     false,
		"region = 'n'\nloud = 1":           false,
		"region = 'n'\nsize = 'unlimited'": false,
	} {
		w := newWorld(t, mods.HostConfig{Capabilities: []mods.Capability{cap}})
		m, err := w.try("one", "[permissions.\"world.edit\"]\nreason = 'x'\n"+rest, "assert(world)")
		if (err == nil) != good {
			t.Errorf("%q: %v", rest, err)
			continue
		}
		if !good {
			continue
		}
		w.start()
		w.well(m)
		if rest == "region = 'n'" {
			if seen.Has("count") || seen.Int("count", 7) != 7 || seen.Texts("blocks") != nil || seen.Flag("loud") || seen.Number("speed", 0.5) != 0.5 {
				t.Errorf("%v", seen)
			}
			continue
		}
		got := []any{seen.Text("region"), seen.Texts("blocks"), seen.Int("count", 0), seen.Number("speed", 0), seen.Int("size", 0), seen.Flag("loud")}
		if diff := cmp.Diff([]any{"n", []string{"a", "b"}, int64(4), 1.0, int64(1024), true}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestGrantThatFails(t *testing.T) {
	broken := errors.New("broken")
	for name, cap := range map[string]engine{
		"error":       {err: broken},
		"no grant":    {},
		"bad grant":   {grant: luasandbox.NewGrant("engine", "", luasandbox.Func("f", func(chan int) {}))},
		"taken twice": {grant: luasandbox.NewGrant("log", "")},
	} {
		cap.name = "engine"
		w := newWorld(t, mods.HostConfig{Capabilities: []mods.Capability{cap}})
		m, err := w.try("one", "[permissions]\nengine = {reason = 'x'}\nlog = {reason = 'x'}", "print('runs')")
		if err != nil {
			t.Fatal(err)
		}
		w.run(1)
		var refused *mods.GrantError
		if m.State() != mods.Refused || !errors.As(m.Err(), &refused) || w.out.Len() > 0 {
			t.Errorf("%s: %s, %v, %q", name, m.State(), m.Err(), w.out)
		}
		if cap.err != nil && !errors.Is(m.Err(), broken) {
			t.Errorf("%s: %v", name, m.Err())
		}
	}
}

// beat is a capability that calls what mods gave it, before and after the hooks.
type beat struct {
	mod *mods.Mod
	fn  *luasandbox.Function
	err error
	old context.Context // of an earlier turn
}

func (*beat) Name() string           { return "beat" }
func (*beat) Doc() string            { return "Calls a function in each tick." }
func (*beat) Options() []mods.Option { return nil }

func (b *beat) Grant(m *mods.Mod, _ mods.Options) (*luasandbox.Grant, error) {
	b.mod = m
	return luasandbox.NewGrant("beat", b.Doc(), luasandbox.Func("set", func(fn *luasandbox.Function) { b.fn = fn })), nil
}

func (b *beat) BeforeHooks(ctx context.Context, tick int64) error {
	if b.old != nil {
		if _, err := b.mod.Call(b.old, "too late", b.fn); !errors.Is(err, mods.ErrBusy) {
			return fmt.Errorf("a context that is over gave %w", err)
		}
	}
	b.old = ctx
	_, b.err = b.mod.Call(ctx, "beat", b.fn, fmt.Sprint("before ", tick))
	return ctx.Err()
}

func (b *beat) AfterHooks(ctx context.Context, tick int64) error {
	_, b.err = b.mod.Call(ctx, "beat", b.fn, fmt.Sprint("after ", tick))
	return ctx.Err()
}

func TestTicker(t *testing.T) {
	b := &beat{}
	w := newWorld(t, mods.HostConfig{Capabilities: []mods.Capability{b}, Limits: limits.Limits{Instructions: 100_000}})
	m, err := w.try("one", "[permissions.beat]\nreason = 'x'", `
		local n = 0
		beat.set(function(when) n = n + 1 print(when) if n == 4 then while true do end end return n end)
		return {start = function() print "start" end, tick = function() print "hook" end}`)
	if err != nil {
		t.Fatal(err)
	}
	w.run(1)
	w.wantPrinted("[one] start", "[one] after 0", "[one] before 1", "[one] hook", "[one] after 1")
	w.well(m)
	// Between two ticks an engine can call, too.
	if _, err := m.Call(context.Background(), "a click", b.fn, "outside"); err == nil {
		t.Error("a call without end returned")
	}
	r := m.Report()
	if r.State != mods.Quarantined || r.Violations[0].During != "a click" || r.Violations[0].Kind != mods.LimitViolation {
		t.Errorf("%+v", r)
	}
	w.wantPrinted("[one] outside")
	w.ticks(1)
	if !errors.Is(b.err, mods.ErrNotRunning) || w.out.Len() > 0 {
		t.Errorf("after the quarantine: %v, %q", b.err, w.out)
	}
}
