package vm

// ForceCensus makes the next allocation take a census first.
func (m *Machine) ForceCensus() {
	m.allocated += m.window - m.headroom
	m.window, m.headroom = 0, 0
}
