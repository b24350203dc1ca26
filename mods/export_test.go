package mods

// Asked tells how often Reconsider was called.
func (h *Host) Asked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked
}
