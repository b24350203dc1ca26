package resolution

import (
	"container/heap"
	"slices"
	"sort"
)

// The search is PubGrub's (Natalie Weizenbaum, "PubGrub: Next-Generation Version
// Solving", 2018): unit propagation over incompatibilities, which are learned from
// each conflict, and backjumping. A variable here has finitely many values, one of
// which is "not there"; a term of an incompatibility is a set of them.

// term says that a variable is one of in.
type term struct {
	variable int
	in       values
}

// clause is an incompatibility: not all of its terms hold at once. It is given, and
// has a fact, or follows from two others.
type clause struct {
	terms []term // one for each variable, sorted by it
	fact  *fact
	from  [2]*clause
}

// entry of the trail is one thing that is assumed, or follows.
type entry struct {
	variable int
	says     values  // the variable is one of these
	after    values  // what it can be with all the entries so far
	level    int     // how many decisions there were, this one included
	because  *clause // nil: a decision
}

type variable struct {
	all     values
	now     values // what it can still be
	trail   []int  // its entries
	clauses []*clause
	decided bool
	queued  bool // it is in the solver's queue
	changed bool // it is in the solver's list of changes
}

// wanted reports whether it is certain that it is there, and not which it is.
func (v *variable) wanted() bool { return !v.decided && !v.now.has(absent) }

// solver searches for a value of each variable such that no clause is violated.
type solver struct {
	variables []variable
	trail     []entry
	level     int
	fresh     []*clause // that were not looked at
	changed   []int     // variables whose clauses are to be looked at
	queue     intHeap
	steps     *steps
}

// steps counts work, in units of a few nanoseconds: a look at one term, a word of a
// set that is made.
type steps struct{ left, max int }

func (s *steps) spend(n int) error {
	if s.left -= n; s.left < 0 {
		return &LimitError{What: "steps", Max: s.max}
	}
	return nil
}

// unsolvable is the answer that there is no solution.
type unsolvable struct{ clause *clause }

// Error is never shown.
func (*unsolvable) Error() string { return "unsolvable" }

// newVariable adds a variable with size values.
func (s *solver) newVariable(size int) int {
	all := allValues(size)
	s.variables = append(s.variables, variable{all: all, now: all})
	return len(s.variables) - 1
}

// newClause makes a clause of terms, of which several may be of one variable. It is
// nil if it can never be violated.
func (s *solver) newClause(f *fact, terms ...term) *clause {
	c := &clause{fact: f}
	slices.SortStableFunc(terms, func(a, b term) int { return a.variable - b.variable })
	for _, t := range terms {
		if last := len(c.terms) - 1; last >= 0 && c.terms[last].variable == t.variable {
			c.terms[last].in = c.terms[last].in.and(t.in)
		} else {
			c.terms = append(c.terms, t)
		}
	}
	for _, t := range c.terms {
		if t.in.empty() {
			return nil
		}
	}
	c.terms = slices.DeleteFunc(c.terms, func(t term) bool { return s.variables[t.variable].all.within(t.in) })
	return c
}

// add takes a clause into account, from the next propagation on.
func (s *solver) add(c *clause) {
	for _, t := range c.terms {
		v := &s.variables[t.variable]
		v.clauses = append(v.clauses, c)
	}
	s.fresh = append(s.fresh, c)
}

// change has the clauses of a variable looked at.
func (s *solver) change(number int) {
	if v := &s.variables[number]; !v.changed {
		v.changed = true
		s.changed = append(s.changed, number)
	}
}

// look returns the one term of a clause that does not hold yet, if it can; violated
// if all hold; and at how many terms it had to look.
func (s *solver) look(c *clause) (unit *term, violated bool, looked int) {
	for i := len(c.terms) - 1; i >= 0; i-- { // those of young variables tend to be open
		t := &c.terms[i]
		now := s.variables[t.variable].now
		switch {
		case now.within(t.in):
		case unit != nil || !now.meets(t.in):
			return nil, false, len(c.terms) - i
		default:
			unit = t
		}
	}
	return unit, unit == nil, len(c.terms)
}

// assign notes that a variable is one of says, because of a clause or, if that is nil,
// by a decision.
func (s *solver) assign(number int, says values, because *clause) {
	v := &s.variables[number]
	v.now = v.now.and(says)
	v.trail = append(v.trail, len(s.trail))
	s.trail = append(s.trail, entry{variable: number, says: says, after: v.now, level: s.level, because: because})
	s.change(number)
	s.enqueue(number)
}

// enqueue has the variable decided later, if it is wanted.
func (s *solver) enqueue(number int) {
	if v := &s.variables[number]; v.wanted() && !v.queued {
		v.queued = true
		heap.Push(&s.queue, number)
	}
}

// propagate notes all that follows. The error is an [*unsolvable] or a [*LimitError].
func (s *solver) propagate() error {
	for {
		switch {
		case len(s.fresh) > 0:
			last := len(s.fresh) - 1
			c := s.fresh[last]
			s.fresh = s.fresh[:last]
			if _, err := s.examine(c); err != nil {
				return err
			}
		case len(s.changed) > 0:
			last := len(s.changed) - 1
			number := s.changed[last]
			s.changed = s.changed[:last]
			s.variables[number].changed = false
			clauses := s.variables[number].clauses
			for i := len(clauses) - 1; i >= 0; i-- {
				if back, err := s.examine(clauses[i]); err != nil {
					return err
				} else if back {
					s.change(number)
					break
				}
			}
		default:
			return nil
		}
	}
}

// examine notes what follows from a clause. If it is violated, that is going back.
func (s *solver) examine(c *clause) (back bool, err error) {
	unit, violated, looked := s.look(c)
	if err := s.steps.spend(1 + looked); err != nil {
		return false, err
	}
	if violated {
		if c, err = s.learn(c); err != nil {
			return true, err
		}
		unit, _, _ = s.look(c)
	}
	if unit == nil {
		return violated, nil
	}
	s.assign(unit.variable, s.variables[unit.variable].all.without(unit.in), c)
	return violated, s.steps.spend(10 + 2*len(unit.in))
}

// learn finds out what led to a violated clause, goes back to before the decision
// that it shows to be wrong, and returns a clause of which one term does not hold now.
func (s *solver) learn(c *clause) (*clause, error) {
	given := c
	for len(c.terms) > 0 {
		if err := s.steps.spend(4 * len(c.terms)); err != nil {
			return nil, err
		}
		last, previous, at := -1, 0, 0
		for i, t := range c.terms {
			e := s.since(t.variable, func(after values) bool { return after.within(t.in) })
			if e > last {
				last, e, at = e, last, i
			}
			if e >= 0 {
				previous = max(previous, s.trail[e].level)
			}
		}
		e, t := s.trail[last], c.terms[at]
		if !e.says.within(t.in) {
			before := s.since(t.variable, func(after values) bool { return after.bothWithin(e.says, t.in) })
			previous = max(previous, s.trail[before].level)
		}
		if e.because == nil || previous < e.level {
			s.backtrack(previous)
			if c != given {
				s.add(c)
			}
			return c, nil
		}
		c = s.resolve(e.because, c, e.variable)
		work := 1
		for _, t := range c.terms {
			work += 4 + len(t.in)
		}
		if err := s.steps.spend(work); err != nil {
			return nil, err
		}
	}
	return nil, &unsolvable{c}
}

// since returns the first entry of a variable after which holds is true, which it is
// for all that follow.
func (s *solver) since(number int, holds func(after values) bool) int {
	trail := s.variables[number].trail
	i := sort.Search(len(trail), func(i int) bool { return holds(s.trail[trail[i]].after) })
	return trail[i]
}

// resolve returns what follows from two clauses, whichever of their terms for the
// variable holds.
func (s *solver) resolve(a, b *clause, number int) *clause {
	out := &clause{from: [2]*clause{a, b}, terms: make([]term, 0, len(a.terms)+len(b.terms)-1)}
	x, y := a.terms, b.terms
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || len(x) > 0 && x[0].variable < y[0].variable:
			out.terms, x = append(out.terms, x[0]), x[1:]
		case len(x) == 0 || y[0].variable < x[0].variable:
			out.terms, y = append(out.terms, y[0]), y[1:]
		default:
			t := term{x[0].variable, x[0].in.and(y[0].in)}
			if t.variable == number {
				t.in = x[0].in.or(y[0].in)
			}
			if t.variable != number || !s.variables[number].all.within(t.in) {
				out.terms = append(out.terms, t)
			}
			x, y = x[1:], y[1:]
		}
	}
	return out
}

// backtrack forgets all that was assumed, or followed, above a level.
func (s *solver) backtrack(level int) {
	for len(s.trail) > 0 && s.trail[len(s.trail)-1].level > level {
		last := len(s.trail) - 1
		number := s.trail[last].variable
		v := &s.variables[number]
		v.decided = v.decided && s.trail[last].because != nil
		v.trail = v.trail[:len(v.trail)-1]
		v.now = v.all
		if n := len(v.trail); n > 0 {
			v.now = s.trail[v.trail[n-1]].after
		}
		s.trail = s.trail[:last]
		s.enqueue(number)
	}
	s.level = level
}

// decide takes one value for a variable.
func (s *solver) decide(number, value int) {
	s.level++
	v := &s.variables[number]
	says := noValues(64 * len(v.all))
	says.add(value)
	v.decided = true
	s.assign(number, says, nil)
}

// undecided returns the first variable that is wanted and not decided, or -1.
func (s *solver) undecided() int {
	for s.queue.Len() > 0 {
		number := heap.Pop(&s.queue).(int)
		v := &s.variables[number]
		v.queued = false
		if v.wanted() {
			return number
		}
	}
	return -1
}

// lookAgain has all clauses looked at, those too whose consequences were forgotten.
func (s *solver) lookAgain() {
	for number := range s.variables {
		s.change(number)
	}
}

// intHeap is a heap of numbers, the smallest on top.
type intHeap []int

func (h intHeap) Len() int           { return len(h) }
func (h intHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h intHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push appends a number, for package heap.
func (h *intHeap) Push(x any) { *h = append(*h, x.(int)) }

// Pop removes the last number, for package heap.
func (h *intHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
