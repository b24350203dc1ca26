package health

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// State is what a mod is to everybody who looks at it: one word, the strongest
// of all that hold. See the drawing in the package comment.
type State string

const (
	Loaded      State = "loaded"      // its code is there; its main file has not run to its end
	Active      State = "active"      // runs
	Paused      State = "paused"      // nothing new of it is begun
	Throttled   State = "throttled"   // runs with less than its share
	Failing     State = "failing"     // runs, and is near its quarantine
	Quarantined State = "quarantined" // its Lua state is dropped, for a time
	Disabled    State = "disabled"    // its Lua state is dropped, until Enable
)

// Runs reports whether the code of a mod in this state may be run: whether it
// is neither quarantined nor disabled. A paused mod has a Lua state too.
func (s State) Runs() bool { return s != Quarantined && s != Disabled }

// Hold is why a mod is paused. Each is set and lifted by itself.
type Hold uint8

const (
	// Frame: a handler of the mod did not finish in its share of a frame and goes
	// on in a later one. It is shown only if nothing else is to be said of the mod,
	// and is lifted by all that drops the mod's Lua state.
	Frame      Hold = iota
	Engine          // the game paused it
	Operator        // a person paused it; the only hold that a Snapshot keeps
	Dependency      // a mod that it needs does not run
	holds           // their number
)

// String returns the hold as the reason of the state Paused.
func (h Hold) String() string {
	switch h {
	case Frame:
		return "a handler goes on in a later frame"
	case Engine:
		return "paused by the game"
	case Operator:
		return "paused by the operator"
	case Dependency:
		return "a mod that it needs does not run"
	}
	return "unknown hold"
}

// Fatal is the weight of a violation that quarantines at once, however many
// points [Config.Quarantine] asks for: a hard limit, an internal error.
const Fatal = maxPoints

const (
	maxPoints  = 1 << 20 // most points that a Config may ask for
	maxEntries = 256     // most violations kept with their own time
	maxReason  = 256     // bytes
)

// Config says when a mod is what. The zero value of a field, and a value below
// zero unless said otherwise, is its default.
type Config struct {
	// Window is for how long a violation counts. Default 50 s: 1,000 ticks of
	// 50 ms.
	Window time.Duration
	// Failing is the number of points within the window at which a mod is failing.
	// Default: half of Quarantine, at least 1. From Quarantine on, no mod is ever
	// shown as failing.
	Failing int
	// Quarantine is the number of points within the window at which a mod is
	// quarantined. Default 10; at most 1<<20.
	Quarantine int
	// Backoff is how long the first quarantine lasts; each further one lasts twice
	// as long as the one before. Default 30 s.
	Backoff time.Duration
	// MaxBackoff is the longest that a quarantine lasts. Default 10 minutes; at
	// least Backoff.
	MaxBackoff time.Duration
	// Probation is how long a mod that came out of quarantine has to run without
	// any violation before it is trusted as before. Each such period forgives one
	// quarantine. Default 2 minutes.
	Probation time.Duration
	// Disable is the number of unforgiven quarantines the last of which is for
	// good. Default 5; below zero no number is.
	Disable int
}

// withDefaults returns c with every field said and in its range.
func (c Config) withDefaults() Config {
	positive := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	positive(&c.Window, 50*time.Second)
	positive(&c.Backoff, 30*time.Second)
	positive(&c.MaxBackoff, 10*time.Minute)
	c.MaxBackoff = max(c.MaxBackoff, c.Backoff)
	positive(&c.Probation, 2*time.Minute)
	if c.Quarantine <= 0 {
		c.Quarantine = 10
	}
	c.Quarantine = min(c.Quarantine, maxPoints)
	if c.Failing <= 0 {
		c.Failing = max(1, c.Quarantine/2)
	}
	if c.Disable == 0 {
		c.Disable = 5
	}
	return c
}

// Change is a transition of the visible state. The zero value says that there
// was none.
type Change struct {
	From   State         `json:"from"`
	To     State         `json:"to"`
	Reason string        `json:"reason"` // of To
	At     time.Duration `json:"at"`     // simulation time
}

// Changed reports whether there was a transition.
func (c Change) Changed() bool { return c != Change{} }

// Status is a machine for people and programs to look at.
type Status struct {
	State  State  `json:"state"`
	Reason string `json:"reason,omitempty"`
	// Since is when the mod came into the state, in simulation time.
	Since time.Duration `json:"since"`
	// Started tells whether the main file has run, whatever the state is.
	Started bool `json:"started"`
	// Points are those within the window when the machine was last called.
	Points int `json:"points"`
	// Quarantines are those that are not forgiven.
	Quarantines int `json:"quarantines"`
	// Until is when the quarantine ends, if the mod is quarantined; when its
	// probation or the clean period that forgives the next quarantine does, if such
	// a period is running; otherwise 0.
	Until     time.Duration `json:"until,omitempty"`
	Probation bool          `json:"probation"`
}

// satAdd returns a + b, or the end of time. Neither is below zero.
func satAdd(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// clip returns text as UTF-8 of at most maxReason bytes.
func clip(text string) string {
	const mark = "..."
	if len(text) > maxReason {
		cut := maxReason - len(mark)
		for i := 0; i < utf8.UTFMax-1 && !utf8.RuneStart(text[cut]); i++ {
			cut--
		}
		text = text[:cut] + mark
	}
	return strings.ToValidUTF8(text, "?")
}
