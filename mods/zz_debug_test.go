package mods_test
import ("testing";"fmt";"time";"slices";"github.com/luasandbox/modrunner/mods";"github.com/luasandbox/modrunner/mods/health";"github.com/luasandbox/modrunner/limits")
func TestDebug(t *testing.T) {
	for i, a := range attacks {
		w := newWorld(t, mods.Config{Frame: mods.Frame{Guard: mods.DefaultGuard}, Limits: limits.Limits{Memory: 8<<20}, Health: health.Config{Backoff: 100*time.Millisecond, MaxBackoff: 200*time.Millisecond, Disable: -1}})
		w.mod("hhh", "return {tick = function() "+a+" end}")
		var ticks []time.Duration
		for range 1000 {
			b := time.Now()
			w.Tick(t.Context(), time.Second/60)
			ticks = append(ticks, time.Since(b))
		}
		slices.Sort(ticks)
		fmt.Println(i, ticks[500], ticks[990], ticks[998], ticks[999], w.Mod("hhh").Report().Quarantines, w.Mod("hhh").Report().Reason)
	}
}
