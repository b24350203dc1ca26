package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/health"
)

// What is said of a mod: the reason with the place of it, then the other violations.
func TestExplain(t *testing.T) {
	violations := func(ticks ...int64) []mods.Violation {
		var all []mods.Violation
		for _, tick := range ticks {
			all = append(all, mods.Violation{Kind: mods.LimitViolation, During: "tick hook", Message: "too much", Tick: tick,
				Traceback: "too much\nstack traceback:\n\tmain.lua:" + string(rune('0'+tick)) + ": in function <main.lua:1>"})
		}
		return all
	}
	for what, c := range map[string]struct {
		report modReport
		want   string
	}{
		"well":    {modReport{State: mods.Stopped, Share: 1}, ""},
		"refused": {modReport{State: mods.Refused, Reason: "mod.toml:1:1: no"}, "m: refused: mod.toml:1:1: no\n"},
		"waiting": {modReport{State: mods.Paused, Reason: "waits for a mod", Share: 1}, "m: paused: waits for a mod\n"},
		"throttled": {modReport{State: mods.Stopped, Share: 0.25},
			"m: had 25% of its share of a tick at the end, since it kept using all of it\n"},
		"quarantined twice": {modReport{State: mods.Quarantined, Share: 1, Reason: "too much; tick 5, tick hook", Health: health.Status{Until: 90 * time.Second},
			ViolationCount: 2, Violations: violations(2, 5)}, `m: quarantined until 1m30s: too much; tick 5, tick hook
	main.lua:5: in function <main.lua:1>
m: limit in tick 2, tick hook: too much
	main.lua:2: in function <main.lua:1>
`},
		"many": {modReport{State: mods.Disabled, Share: 1, Reason: "too much; tick 6, tick hook",
			ViolationCount: 16, Violations: violations(1, 2, 3, 4, 5, 6)}, `m: disabled: too much; tick 6, tick hook
	main.lua:6: in function <main.lua:1>
m: limit in tick 1, tick hook: too much
	main.lua:1: in function <main.lua:1>
m: limit in tick 2, tick hook: too much
	main.lua:2: in function <main.lua:1>
m: limit in tick 3, tick hook: too much
	main.lua:3: in function <main.lua:1>
m: and 12 more
`},
		"hostile": {modReport{State: mods.Stopped, Share: 1, ViolationCount: 1, Violations: []mods.Violation{{
			Kind: mods.ErrorViolation, During: "event \x1b[2K", Message: "x\nmodrunner: FORGED", Tick: 1, Traceback: "stack traceback:\n\tx\x1b[1G"}}},
			"m: error in tick 1, event \\x1b[2K: x\\nmodrunner: FORGED\n\tx\\x1b[1G\n"},
	} {
		got := captured(t, false, func(s *stream) {
			c.report.ID = "m"
			(&console{out: s, err: s}).explain(c.report)
		})
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", what, diff)
		}
	}
}
