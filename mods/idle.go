package mods

// idleTicks is after how many ticks without anything to do a mod's sandbox lets go
// of what it keeps for speed.
const idleTicks = 64

// idleMark says that a mod had nothing to do any more after a tick.
type idleMark struct {
	m    *Mod
	tick int64
}

// trimIdle makes the sandboxes of mods small that have had nothing to do for long.
// It looks at those alone.
func (h *Host) trimIdle() {
	n := 0
	for n < len(h.idle) && h.idle[n].tick+idleTicks <= h.tick {
		m := h.idle[n].m
		if m.idleSince == h.idle[n].tick && m.live != nil && m.live.sandbox != nil {
			_ = m.live.sandbox.Trim() // it is not busy: there is nothing to do
		}
		n++
	}
	if n > 0 {
		h.idle = append(h.idle[:0], h.idle[n:]...)
	}
}

// idles notes whether m has something to do.
func (m *Mod) idles(busy bool) {
	switch {
	case busy:
		m.idleSince = 0
	case m.live != nil:
		m.idleSince = m.host.tick
		m.host.idle = append(m.host.idle, idleMark{m, m.host.tick})
	}
}
