package mods

import (
	"time"

	"github.com/luasandbox/modrunner/limits"
)

// Metrics takes the figures of a host. Its methods are called on the goroutine that is
// in [Host.Tick], Stop, Save or Restore, HostCall also on those of [Frame].Workers; they
// must be quick. What is a state rather than an event is in [Host.Status].
type Metrics interface {
	// Tick is called after each tick.
	Tick(TickFigures)
	// HostCall is called after each call of a function of a capability, by the name
	// of its table; for one that answers later, when the mod takes the answer.
	HostCall(mod, capability string, failed bool)
	// Pause is called for each tick at whose end a handler of the mod has begun and
	// not ended.
	Pause(mod string)
	// Violation is called for each violation.
	Violation(mod string, kind ViolationKind)
}

// TickFigures are those of one tick.
type TickFigures struct {
	Wall         time.Duration // that mods took
	Instructions int64         // that they used
	Budget       int64         // that they had
	Guard        time.Duration // after which the frame would have ended; 0: none
	Cut          bool          // the guard ended the frame
	Waiting      int           // mods with something left to do
}

// measureTick tells of a tick.
func (h *Host) measureTick(wall time.Duration) {
	if h.cfg.Metrics == nil {
		return
	}
	guard := h.cfg.Frame.Guard
	if guard == limits.UnlimitedTime {
		guard = 0
	}
	h.cfg.Metrics.Tick(TickFigures{
		Wall: wall, Guard: guard,
		Instructions: h.frame.Used, Budget: h.frame.Budget, Cut: h.frame.Cut, Waiting: h.frame.Waiting,
	})
}
