package limits

// Meter adds up the use of one sandbox: a [Budget] for each resource that is
// spent, a [Gauge] for each that is held. The other kinds (Time, Depth,
// String, Source, Nesting) are compared where they arise, with
// [Limits.Check]. A meter and all its ancestors belong to one goroutine at a
// time.
type Meter struct {
	limits       Limits
	instructions *Budget
	output       *Budget
	hostCalls    *Budget
	memory       *Gauge
	coroutines   *Gauge
}

// NewMeter returns a meter for l, with defaults filled in, tightened by the
// parent's limits. Everything charged to it is charged to the parent too, so
// a meter inside a meter can only be tighter; a parent whose budgets are never
// refilled adds up over all calls. The parent may be nil. Negative fields,
// which [Limits.Validate] reports, admit nothing.
func NewMeter(l Limits, parent *Meter) *Meter {
	if parent == nil {
		parent = &Meter{limits: None()} // and five nil parents for what follows
	}
	l = Intersect(l, parent.limits)
	return &Meter{
		limits:       l,
		instructions: NewBudget(Instructions, l.Instructions, parent.instructions),
		output:       NewBudget(Output, l.Output, parent.output),
		hostCalls:    NewBudget(HostCalls, l.HostCalls, parent.hostCalls),
		memory:       NewGauge(Memory, l.Memory, parent.memory),
		coroutines:   NewGauge(Coroutines, l.Coroutines, parent.coroutines),
	}
}

// NewAccount returns a meter that adds up over a whole life what meters made
// from it spend, call by call: what is spent is not limited by the account
// itself, only charged to the parent; what is held is limited by l, and by the
// parent. The parent may be nil.
func NewAccount(l Limits, parent *Meter) *Meter {
	if parent == nil {
		parent = &Meter{limits: None()}
	}
	l = Intersect(l, parent.limits)
	l.Instructions, l.Output, l.HostCalls = Unlimited, Unlimited, Unlimited
	return &Meter{
		limits:       l,
		instructions: NewBudget(Instructions, Unlimited, parent.instructions),
		output:       NewBudget(Output, Unlimited, parent.output),
		hostCalls:    NewBudget(HostCalls, Unlimited, parent.hostCalls),
		memory:       NewGauge(Memory, l.Memory, parent.memory),
		coroutines:   NewGauge(Coroutines, l.Coroutines, parent.coroutines),
	}
}

// Limits returns the limits in force: no field is zero.
func (m *Meter) Limits() Limits { return m.limits }

// Instructions returns the budget of instructions per call.
func (m *Meter) Instructions() *Budget { return m.instructions }

// Output returns the budget of bytes written per call.
func (m *Meter) Output() *Budget { return m.output }

// HostCalls returns the budget of host calls per call.
func (m *Meter) HostCalls() *Budget { return m.hostCalls }

// Memory returns the gauge of live bytes.
func (m *Meter) Memory() *Gauge { return m.memory }

// Coroutines returns the gauge of coroutines alive.
func (m *Meter) Coroutines() *Gauge { return m.coroutines }

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
	m.memory.Sub(m.memory.Current())
	m.coroutines.Sub(m.coroutines.Current())
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
