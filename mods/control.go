package mods

import (
	"fmt"

	"github.com/luasandbox/modrunner/mods/health"
)

// Pause holds a mod from the next tick on: nothing of it is executed, what is sent
// to it waits as far as there is room, until [Host.Resume]. The errors: [ErrNoMod],
// [ErrClosed].
func (h *Host) Pause(id string) error {
	return h.control(id, "pause", "")
}

// Resume ends a [Host.Pause]. The errors: [ErrNoMod], [ErrClosed].
func (h *Host) Resume(id string) error {
	return h.control(id, "resume", "")
}

// Disable ends a mod in the next tick, as a quarantine does, until [Host.Enable];
// also on the next start of a host with the same store. The errors: [ErrNoMod],
// [ErrClosed].
func (h *Host) Disable(id, reason string) error {
	return h.control(id, "disable", reason)
}

// Enable lets a mod that is quarantined or disabled be loaded again, with nothing on
// its account. The errors: [ErrNoMod], [ErrClosed].
func (h *Host) Enable(id string) error {
	return h.control(id, "enable", "")
}

// controlInput is one of the above.
type controlInput struct{ id, action, reason string }

func (h *Host) control(id, action, reason string) error {
	if h.Mod(id) == nil {
		return fmt.Errorf("%s %q: %w", action, id, ErrNoMod)
	}
	return h.tell(&controlInput{id: id, action: action, reason: reason})
}

func (c *controlInput) do(h *Host, m *Mod) health.Change {
	switch c.action {
	case "pause":
		return m.health.Pause(h.now, health.Engine)
	case "resume":
		return m.health.Resume(h.now, health.Engine)
	case "disable":
		m.mu.Lock()
		m.report.Reason = escape(clip(c.reason, maxMessage))
		m.mu.Unlock()
		return m.health.Disable(h.now, c.reason)
	}
	switch c.action {
	case "withdraw":
		return m.health.Withdraw(h.now, c.reason)
	case "readmit":
		return m.health.Readmit(h.now)
	}
	return m.health.Enable(h.now)
}

func (c *controlInput) apply(h *Host) {
	m := h.Mod(c.id)
	if m == nil || c.action == "readmit" && !m.health.Withdrawn() {
		return
	}
	h.audit(m, auditLife, "action", c.action, "reason", c.reason)
	m.changed(c.do(h, m))
	m.check()
	m.touch()
}
