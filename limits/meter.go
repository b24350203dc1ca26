package limits

// Meter adds up the use of one sandbox: a [Budget] for each resource that is
// spent, a [Gauge] for each that is held. The other kinds (Time, Depth,
// String, Source, Nesting) are compared where they arise, with
// [Limits.Check]. A meter and all its ancestors belong to one goroutine at a
// time.
type Meter struct {
	limits       Limits
	instructions Budget
	output       Budget
	hostCalls    Budget
	memory       Gauge
	coroutines   Gauge
}

// NewMeter returns a meter for l, with defaults filled in, tightened by the
// parent's limits. Everything charged to it is charged to the parent too, so
// a meter inside a meter can only be tighter; a parent whose budgets are never
// refilled adds up over all calls. The parent may be nil. Negative fields,
// which [Limits.Validate] reports, admit nothing.
func NewMeter(l Limits, parent *Meter) *Meter {
	m := &Meter{}
	m.Open(l, parent)
	return m
}

// Open makes m, whatever it was, what [NewMeter] returns, without allocating:
// for a meter that is part of a larger structure. Nothing may be borrowed from
// m, and nothing have it as its parent, at that time.
func (m *Meter) Open(l Limits, parent *Meter) {
	m.open(within(l, parent), parent)
}

// Reopen makes m what it was when it was opened: nothing used, nothing held, no
// marks. What was charged to its parent stays charged. It is for one meter that
// serves call after call; the rest is as for [Meter.Open].
func (m *Meter) Reopen() {
	m.instructions.open(Instructions, m.limits.Instructions, m.instructions.parent)
	m.output.open(Output, m.limits.Output, m.output.parent)
	m.hostCalls.open(HostCalls, m.limits.HostCalls, m.hostCalls.parent)
	m.memory.open(Memory, m.limits.Memory, m.memory.parent)
	m.coroutines.open(Coroutines, m.limits.Coroutines, m.coroutines.parent)
}

// OpenAccount makes m, as [Meter.Open] does, a meter that adds up over a whole
// life what meters made from it spend, call by call: what is spent is not
// limited by the account itself, only charged to the parent; what is held is
// limited by l, and by the parent. The parent may be nil.
func (m *Meter) OpenAccount(l Limits, parent *Meter) {
	l = within(l, parent)
	l.Instructions, l.Output, l.HostCalls = Unlimited, Unlimited, Unlimited
	m.open(l, parent)
}

func within(l Limits, parent *Meter) Limits {
	if parent == nil {
		return l.WithDefaults()
	}
	return Intersect(l, parent.limits)
}

func (m *Meter) open(l Limits, parent *Meter) {
	*m = Meter{limits: l}
	if parent != nil {
		m.instructions.parent, m.output.parent, m.hostCalls.parent = &parent.instructions, &parent.output, &parent.hostCalls
		m.memory.parent, m.coroutines.parent = &parent.memory, &parent.coroutines
	}
	m.Reopen()
}

// Limits returns the limits in force: no field is zero.
func (m *Meter) Limits() Limits { return m.limits }

// Instructions returns the budget of instructions per call.
func (m *Meter) Instructions() *Budget { return &m.instructions }

// Output returns the budget of bytes written per call.
func (m *Meter) Output() *Budget { return &m.output }

// HostCalls returns the budget of host calls per call.
func (m *Meter) HostCalls() *Budget { return &m.hostCalls }

// Memory returns the gauge of live bytes.
func (m *Meter) Memory() *Gauge { return &m.memory }

// Coroutines returns the gauge of coroutines alive.
func (m *Meter) Coroutines() *Gauge { return &m.coroutines }

// BeginCall refills the budgets that are per call to the meter's limits and
// arms all marks again. What is held stays held; ancestors are not touched.
func (m *Meter) BeginCall() {
	m.instructions.Refill(m.limits.Instructions)
	m.output.Refill(m.limits.Output)
	m.hostCalls.Refill(m.limits.HostCalls)
	m.memory.Arm()
	m.coroutines.Arm()
}

// Release gives back everything the meter holds, to its ancestors too: the
// sandbox is gone. What was spent stays spent.
func (m *Meter) Release() {
	m.memory.Leave()
	m.coroutines.Leave()
}

// Snapshot is a meter's use at one moment, one [Use] for each kind that is
// added up, in the order of [Kinds].
type Snapshot struct {
	Instructions Use `json:"instructions"`
	Memory       Use `json:"memory"`
	Coroutines   Use `json:"coroutines"`
	Output       Use `json:"output"`
	HostCalls    Use `json:"host_calls"`
}

// Snapshot returns the use of m itself, without its ancestors. Units that are
// borrowed count as used.
func (m *Meter) Snapshot() Snapshot {
	return Snapshot{
		Instructions: m.instructions.Use(),
		Memory:       m.memory.Use(),
		Coroutines:   m.coroutines.Use(),
		Output:       m.output.Use(),
		HostCalls:    m.hostCalls.Use(),
	}
}

// All returns the uses in the order of [Kinds], in a new slice.
func (s Snapshot) All() []Use {
	return []Use{s.Instructions, s.Memory, s.Coroutines, s.Output, s.HostCalls}
}
