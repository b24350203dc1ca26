package mods

import "time"

// Metrics takes the figures of a host. Its methods are called on the goroutine of
// [Host.Tick], HostCall also on those of [Frame].Workers; they must be quick. What is
// a state rather than an event is in [Host.Status].
type Metrics interface {
	// Tick is called after each tick.
	Tick(TickFigures)
	// HostCall is called after each call of a function of a capability, by the name
	// of its table.
	HostCall(mod, capability string, failed bool)
	// Violation is called for each violation.
	Violation(mod string, kind ViolationKind)
}

// TickFigures are those of one tick.
type TickFigures struct {
	Wall         time.Duration // that mods took
	Instructions int64         // that they used
	Budget       int64         // that they had
	Cut          bool          // the guard ended the frame
	Waiting      int           // mods with something left to do
}

// measureTick tells of a tick.
func (h *Host) measureTick(wall time.Duration) {
	if h.cfg.Metrics != nil {
		h.cfg.Metrics.Tick(TickFigures{Wall: wall, Instructions: h.frame.Used, Budget: h.frame.Budget, Cut: h.frame.Cut, Waiting: h.frame.Waiting})
	}
}
