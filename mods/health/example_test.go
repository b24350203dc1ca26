package health_test

import (
	"fmt"
	"time"

	"github.com/luasandbox/modrunner/mods/health"
)

func Example() {
	m := health.New(health.Config{})
	show := func(c health.Change) {
		if c.Changed() {
			fmt.Printf("%v: %s -> %s (%s)\n", c.At, c.From, c.To, c.Reason)
		}
	}
	show(m.Started(0))
	for i := range 10 { // an error in each second
		show(m.Violation(time.Duration(i)*time.Second, "error", 1))
	}
	next, _ := m.Next()
	show(m.Advance(next))
	show(m.Started(next))
	show(m.Violation(next+time.Minute, "instruction limit", health.Fatal))
	fmt.Println("until", m.Status().Until)
	show(m.Disable(next+time.Minute, "enough of it"))
	// Output:
	// 0s: loaded -> active ()
	// 4s: active -> failing (error)
	// 9s: failing -> quarantined (error; 10 points within 50s)
	// 39s: quarantined -> loaded ()
	// 39s: loaded -> active ()
	// 1m39s: active -> quarantined (instruction limit on probation)
	// until 2m39s
	// 1m39s: quarantined -> disabled (enough of it)
}
