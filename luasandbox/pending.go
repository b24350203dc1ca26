package luasandbox

// Pending is an answer that a host function gives later. The zero Pending is not
// usable: see [Later].
type Pending struct{ done chan struct{} }

// Later returns an answer that is not there yet.
func Later() *Pending { return &Pending{done: make(chan struct{})} }

// Resolve gives the answer, from any goroutine. Only the first Resolve or Reject counts.
func (p *Pending) Resolve(values ...any) { panic("soon") }

// Reject makes the answer an error, from any goroutine.
func (p *Pending) Reject(err error) { panic("soon") }

// ready is closed when there is an answer: the run can be answered without values
// (run.Answer()); the function's continuation converts and charges them.
func (p *Pending) ready() <-chan struct{} { return p.done }
