package limits

// Use is what a budget or gauge reports of itself.
type Use struct {
	Kind    Kind  `json:"kind"`
	Current int64 `json:"current"`
	Peak    int64 `json:"peak"` // highest Current ever; of a Budget, in one period
	Max     int64 `json:"max"`  // [Unlimited] where there is no limit
}

// Budget is one counted resource with a hard maximum and an optional parent,
// out of which everything spent here is spent too. Use only grows, until
// [Budget.Refill] begins a new period.
//
// A budget and all its ancestors belong to one goroutine at a time: budgets
// that share a parent must not be used at the same time. The zero Budget
// admits nothing.
type Budget struct {
	used, max int64 // 0 <= used <= max
	kind      Kind
	peak      int64 // of earlier periods
	trip      *Error
	parent    *Budget
	marks     marks
}

// NewBudget returns a full budget of max units; [Unlimited] is no limit, a
// negative max counts as 0. The parent may be nil.
func NewBudget(kind Kind, max int64, parent *Budget) *Budget {
	b := &Budget{}
	b.open(kind, max, parent)
	return b
}

func (b *Budget) open(kind Kind, limit int64, parent *Budget) {
	*b = Budget{kind: kind, max: max(limit, 0), parent: parent}
	b.marks.arm()
}

// Charge spends n units of b and of every ancestor, or of none of them. Where
// the units are not there, or b or an ancestor has tripped, it returns an
// [*Error] that names the budget which refused, and latches b: every later
// Charge returns that same error until [Budget.Refill]. A refusing ancestor is
// not latched, since what it has left belongs to its other children.
//
// A negative n is a mistake of the caller's: it latches b with an *Error
// around a [*MisuseError] and gives nothing back. [Unlimited] units, which is
// what saturating arithmetic gives, are more than any budget has.
//
// Charge does not allocate unless it trips or a mark's function does.
func (b *Budget) Charge(n int64) error {
	if b.trip != nil {
		return b.trip
	}
	if n < 0 {
		b.trip = b.exceeded(0)
		b.trip.Err = &MisuseError{Op: "Charge", Kind: b.kind, N: n}
		return b.trip
	}
	for p := b; p != nil; p = p.parent {
		if p.trip != nil {
			b.trip = p.trip
			return b.trip
		}
		if n > p.max-p.used || n == Unlimited {
			b.trip = p.exceeded(n)
			return b.trip
		}
	}
	for p := b; p != nil; p = p.parent {
		p.used += n
	}
	b.runMarks()
	return nil
}

// Borrow takes up to want units out of b and every ancestor and returns how
// many: the most that all of them have, and no more than brings the nearest
// of them to its next mark. It returns 0 when want is not positive, when the
// budget is spent, or when b or an ancestor has tripped; it never latches.
//
// Borrowed units count as used. Who borrows spends them without calling the
// budget and hands back the rest with [Budget.Return] before anything reads
// or refills the budget or one of its ancestors.
func (b *Budget) Borrow(want int64) (got int64) {
	b.runMarks()
	got = want
	for p := b; p != nil; p = p.parent {
		if p.trip != nil {
			return 0
		}
		got = min(got, p.max-p.used)
		if next := p.marks.next; next > p.used {
			got = min(got, next-p.used)
		}
	}
	if got <= 0 {
		return 0
	}
	for p := b; p != nil; p = p.parent {
		p.used += got
	}
	return got
}

// Return gives back n borrowed units that were not used, to b and every
// ancestor. A negative n is ignored, and no budget takes back more than it
// has given in this period, so a mistake cannot make a budget larger than its
// maximum. A trip stays latched.
func (b *Budget) Return(n int64) {
	n = max(n, 0)
	for p := b; p != nil; p = p.parent {
		n = min(n, p.used)
		p.used -= n
	}
	b.runMarks()
}

// Left returns how many units a Charge could spend now: the least of b and
// its ancestors, 0 if one of them has tripped.
func (b *Budget) Left() int64 {
	left := int64(Unlimited)
	for p := b; p != nil; p = p.parent {
		if p.trip != nil {
			return 0
		}
		left = min(left, p.max-p.used)
	}
	return left
}

// Spent returns the units used in this period: Use().Current.
func (b *Budget) Spent() int64 { return b.used }

// Use reports b itself, without its ancestors.
func (b *Budget) Use() Use {
	return Use{Kind: b.kind, Current: b.used, Peak: max(b.peak, b.used), Max: b.max}
}

// Trip latches b, whatever it has left, and returns the error that Charge
// returns from now on: the one already latched, in b or in the nearest
// ancestor that is, or a new one that names the budget with the least left
// (of equals the innermost).
func (b *Budget) Trip() *Error {
	b.trip = b.Shortage()
	return b.trip
}

// Shortage returns the error that [Budget.Trip] would, and latches nothing.
func (b *Budget) Shortage() *Error {
	least := b
	for p := b; p != nil; p = p.parent {
		if p.trip != nil {
			return p.trip
		}
		if p.max-p.used < least.max-least.used {
			least = p
		}
	}
	return least.exceeded(0)
}

// Tripped returns the error that b or its nearest tripped ancestor is latched
// with, or nil.
func (b *Budget) Tripped() *Error {
	for p := b; p != nil; p = p.parent {
		if p.trip != nil {
			return p.trip
		}
	}
	return nil
}

// Refill begins a new period with a maximum of max units (negative counts as
// 0): nothing used, the latch cleared, marks armed again. Ancestors are not
// touched. Units borrowed before must have been returned before.
func (b *Budget) Refill(max int64) {
	if b.used > b.peak {
		b.peak = b.used
	}
	if max < 0 {
		max = 0
	}
	b.used, b.max, b.trip = 0, max, nil
	b.marks.arm()
}

// Mark asks for f to be called when the use of b first reaches at units in a
// period, once per period, on the goroutine that spends, with b's use at that
// time. It never stops anything by itself; f may call [Budget.Trip]. Several
// marks are called in ascending order. If use is past at already, f is called
// at the next spending. Units in a Borrow are spent, to a mark, at the next
// Borrow, Charge or Return.
func (b *Budget) Mark(at int64, f func(Use)) { b.marks.add(at, f) }

func (b *Budget) exceeded(asked int64) *Error {
	return &Error{Kind: b.kind, Used: b.used, Max: b.max, Asked: asked}
}

func (b *Budget) runMarks() {
	for p := b; p != nil; p = p.parent {
		for p.used >= p.marks.next {
			f := p.marks.take()
			if f == nil {
				break
			}
			f(p.Use())
		}
	}
}
