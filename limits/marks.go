package limits

// marks are the soft limits of one budget or gauge.
type marks struct {
	next int64 // lowest armed mark, Unlimited if there is none
	list []mark
}

type mark struct {
	at   int64
	f    func(Use)
	done bool // in this period
}

func (m *marks) add(at int64, f func(Use)) {
	if f == nil {
		return
	}
	m.list = append(m.list, mark{at: at, f: f})
	m.next = min(m.next, at)
}

func (m *marks) arm() {
	for i := range m.list {
		m.list[i].done = false
	}
	m.seek()
}

// seek finds the lowest armed mark, of equals the one added first, and returns
// its index or -1.
func (m *marks) seek() int {
	found := -1
	m.next = Unlimited
	for i := range m.list {
		if !m.list[i].done && (found < 0 || m.list[i].at < m.next) {
			found, m.next = i, m.list[i].at
		}
	}
	return found
}

// take disarms the lowest armed mark and returns its function, nil if none is
// armed.
func (m *marks) take() func(Use) {
	i := m.seek()
	if i < 0 {
		return nil
	}
	f := m.list[i].f
	m.list[i].done = true
	m.seek()
	return f
}
