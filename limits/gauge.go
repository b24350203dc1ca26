package limits

// Gauge is one held resource, taken and given back, with a hard maximum and an
// optional parent that holds everything held here too.
//
// A gauge does not latch: what was refused may fit after something was given
// back. A gauge and all its ancestors belong to one goroutine at a time. The
// zero Gauge admits nothing.
type Gauge struct {
	held, max int64 // 0 <= held; above max only after Set
	kind      Kind
	peak      int64
	parent    *Gauge
	share     *share // see Join; or nil
	marks     marks
}

// NewGauge returns an empty gauge that holds up to max units; [Unlimited] is
// no limit, a negative max counts as 0. The parent may be nil.
func NewGauge(kind Kind, max int64, parent *Gauge) *Gauge {
	g := &Gauge{}
	g.open(kind, max, parent)
	return g
}

func (g *Gauge) open(kind Kind, limit int64, parent *Gauge) {
	*g = Gauge{kind: kind, max: max(limit, 0), parent: parent}
	g.marks.arm()
}

// Add holds n more units in g and every ancestor, or in none of them: then the
// result is an [*Error] that names the gauge which refused. A negative n is
// refused with an *Error around a [*MisuseError]. [Unlimited] units, which is
// what saturating arithmetic gives, are more than any gauge holds.
//
// Add does not allocate unless it refuses or a mark's function does.
func (g *Gauge) Add(n int64) error {
	if n < 0 {
		return g.misuse("Add", n)
	}
	if short := g.Shortage(n); short != nil {
		return short
	}
	for p := g; p != nil; p = p.parent {
		p.held += n
		p.peak = max(p.peak, p.Current())
	}
	g.runMarks()
	return nil
}

// Sub gives back n units, in g and every ancestor. A negative n is ignored,
// and nothing is given back that is not held.
func (g *Gauge) Sub(n int64) {
	n = max(n, 0)
	for p := g; p != nil; p = p.parent {
		n = min(n, p.held)
		p.held -= n
	}
}

// Set records that a census found n units held by g, and changes every
// ancestor by the difference. It records what was found even if that is above
// a maximum, because it is held whether one likes it or not; the result is
// then an [*Error] that names the innermost gauge above its maximum, with
// Used at Max and the rest in Asked. A negative n changes nothing and returns
// an *Error around a [*MisuseError].
func (g *Gauge) Set(n int64) error {
	if n < 0 {
		return g.misuse("Set", n)
	}
	g.Estimate(0)
	grown, shrunk := max(n-g.held, 0), max(g.held-n, 0)
	var over *Error
	for p := g; p != nil; p = p.parent {
		p.held = MulAdd(1, grown, p.held)
		p.held -= min(shrunk, p.held)
		p.peak = max(p.peak, p.Current())
		if p.held > p.max && over == nil {
			over = &Error{Kind: p.kind, Used: p.max, Max: p.max, Asked: p.held - p.max}
		}
	}
	g.runMarks()
	if over != nil {
		return over
	}
	return nil
}

// Left returns how many units Add could hold now: the least of g and its
// ancestors, never below 0.
func (g *Gauge) Left() int64 {
	left := int64(Unlimited)
	for p := g; p != nil; p = p.parent {
		left = min(left, p.left())
	}
	return max(left, 0)
}

// left is Left of g alone.
func (g *Gauge) left() int64 { return min(g.max-g.held, g.room()) }

// Shortage returns the error that Add would, and holds nothing; nil if Add would not
// err.
func (g *Gauge) Shortage(n int64) *Error {
	for p := g; p != nil; p = p.parent {
		if n > p.left() || n == Unlimited {
			return p.exceeded(n)
		}
	}
	return nil
}

// Current returns the units held now, with what is estimated below g; above Max only
// after [Gauge.Set] or [Gauge.Estimate].
func (g *Gauge) Current() int64 { return g.held + g.estimatedBelow() }

// Peak returns the most units held at one time since the gauge was made.
func (g *Gauge) Peak() int64 { return g.peak }

// Max returns the maximum.
func (g *Gauge) Max() int64 { return g.max }

// Use reports g itself, without its ancestors.
func (g *Gauge) Use() Use { return Use{Kind: g.kind, Current: g.Current(), Peak: g.peak, Max: g.max} }

// Mark asks for f to be called when the units held first reach at, once, until
// [Gauge.Arm] arms the mark again. The rest is as for [Budget.Mark].
func (g *Gauge) Mark(at int64, f func(Use)) { g.marks.add(at, f) }

// Arm arms the marks of g, not of its ancestors, again. One whose level is
// held already is called at the next Add or Set.
func (g *Gauge) Arm() { g.marks.arm() }

func (g *Gauge) exceeded(asked int64) *Error {
	return &Error{Kind: g.kind, Used: min(g.held, g.max), Max: g.max, Asked: asked}
}

func (g *Gauge) misuse(op string, n int64) *Error {
	e := g.exceeded(0)
	e.Err = &MisuseError{Op: op, Kind: g.kind, N: n}
	return e
}

func (g *Gauge) runMarks() {
	for p := g; p != nil; p = p.parent {
		for p.Current() >= p.marks.next {
			f := p.marks.take()
			if f == nil {
				break
			}
			f(p.Use())
		}
	}
}
