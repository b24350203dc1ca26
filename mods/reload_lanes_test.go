package mods_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
)

// While a new version's main file runs, and be it for ever, the old version goes on
// as before; a handler that is paused is finished before it saves.
func TestReloadLeavesTheOldVersionRunning(t *testing.T) {
	for _, workers := range []int{0, 2} {
		w := newWorld(t, mods.Config{Limits: limits.Limits{Instructions: 2_000_000}, Frame: mods.Frame{Instructions: 200_000, Workers: workers}})
		old := `
			local half = false
			return {
			  tick = function(n) print("tick " .. n) half = true for i = 1, 12000 do end half = false end,
			  on_save = function() return {half = half} end,
			  on_load = function() end,
			}`
		m := w.mod("mod", old)
		w.run(1)
		w.out.Reset()
		reply, err := w.Reload("mod", source(t, "mod", everything, `while true do end`))
		if err != nil {
			t.Fatal(err)
		}
		ticks := 0
		for {
			w.run(1)
			ticks++
			if _, err := reply.Get(); !errors.Is(err, mods.ErrPending) {
				var reload *mods.ReloadError
				if !errors.As(err, &reload) || !errors.Is(err, limits.ErrExceeded) {
					t.Fatalf("%v", err)
				}
				break
			}
		}
		if got := strings.Count(w.out.String(), "tick"); ticks < 10 || got < ticks-1 {
			t.Errorf("%d workers: %d tick hooks in %d ticks", workers, got, ticks)
		}
		if m.State() == mods.Quarantined {
			t.Errorf("%+v", m.Report())
		}
		slow := strings.Replace(old, "on_load = function() end", "on_load = function(state) print(tostring(state.half)) end", 1)
		w.out.Reset()
		if reply, err = w.Reload("mod", source(t, "mod", everything, `for i = 1, 400000 do end `+slow)); err != nil {
			t.Fatal(err)
		}
		w.until("reloaded", func() bool { _, err := reply.Get(); return !errors.Is(err, mods.ErrPending) })
		if _, err := reply.Get(); err != nil || !strings.Contains(w.out.String(), "false") || strings.Contains(w.out.String(), "true") {
			t.Errorf("%v: %s", err, w.out)
		}
	}
}
