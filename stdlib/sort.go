package stdlib

import (
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// sorter is a table.sort in progress. It makes the comparisons of C Lua's sort
// (a quicksort with the median of three as pivot, which sorts the smaller part
// first) in the same order, so that elements that compare equal end up in the
// same places, and comparators that are no order fail in the same way. Between
// two comparisons nothing is on the Go stack.
type sorter struct {
	t      *vm.Table
	order  vm.Value // the comparator, or nil for <
	step   sortStep
	lo, hi int // the part being sorted
	i, j   int // the scans from below and above
	less   bool
	pivot  vm.Value
	a, b   vm.Value // the elements last read at i (or the middle) and j (or an end)

	pending []part // parts to be sorted later, each larger than all after it
	few     [4]part
}

type part struct{ lo, hi int32 }

// sorterBytes is what a sorter is charged as, with the most that pending grows to:
// room for 32 parts, after room for 8 and 16.
const sorterBytes = 640

// sortStep says what the comparison last asked for was about.
type sortStep uint8

const (
	sortBegin    sortStep = iota // nothing: a part begins
	sortEnds                     // last < first
	sortMidFirst                 // middle < first
	sortMidLast                  // last < middle
	sortScanUp                   // element i < pivot
	sortScanDown                 // pivot < element j
)

func tableSort(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	order := vm.Nil
	if !c.Arg(1).IsNil() {
		if order, err = c.CheckFunction(1); err != nil {
			return err
		}
	}
	if err := c.Reserve(sorterBytes); err != nil {
		return err
	}
	n, err := c.Len(t)
	if err != nil {
		return err
	}
	s := &sorter{t: t, order: order, lo: 1, hi: n}
	s.pending = s.few[:0]
	return s.run(c)
}

// Resume takes a comparator's answer.
func (s *sorter) Resume(c *vm.Call) error {
	s.less = c.Arg(0).Truthy()
	return s.run(c)
}

// Trace counts what the sort holds.
func (s *sorter) Trace(w *vm.Walk) {
	w.Value(s.t.Value())
	w.Value(s.order)
	w.Value(s.pivot)
	w.Value(s.a)
	w.Value(s.b)
	w.Bytes(sorterBytes)
}

// pausedSort goes on without an answer.
type pausedSort struct{ *sorter }

func (p pausedSort) Resume(c *vm.Call) error { return p.run(c) }

// run answers comparisons until one needs Lua code or the sort is done.
func (s *sorter) run(c *vm.Call) error {
	for {
		x, y, more, err := s.next(c)
		if err != nil {
			return err
		}
		if !more {
			return c.Return()
		}
		if err := c.Work(limits.SortCompare); err != nil {
			return err
		}
		if !s.order.IsNil() {
			if err := c.Work(limits.Callback); err != nil {
				return err
			}
			return c.Call(s, s.order, x, y)
		}
		less, handler, err := c.LessThan(x, y)
		if err != nil {
			return err
		}
		if !handler.IsNil() {
			return c.Call(s, handler, x, y)
		}
		s.less = less
		if c.ShouldSuspend() {
			return c.Suspend(pausedSort{s})
		}
	}
}

// next moves elements as the last answer demands and returns the next pair to
// compare; more is false when all is sorted.
func (s *sorter) next(c *vm.Call) (x, y vm.Value, more bool, err error) {
	m, t := c.Machine(), s.t
	switch s.step {
	case sortBegin:
		for s.lo >= s.hi {
			n := len(s.pending) - 1
			if n < 0 {
				return x, y, false, nil
			}
			s.lo, s.hi = int(s.pending[n].lo), int(s.pending[n].hi)
			s.pending = s.pending[:n]
		}
		s.a, s.b = t.GetInt(s.lo), t.GetInt(s.hi)
		s.step = sortEnds
		return s.b, s.a, true, nil

	case sortEnds:
		if s.less {
			if err := s.put(m, s.lo, s.b, s.hi, s.a); err != nil {
				return x, y, false, err
			}
		}
		if s.hi-s.lo == 1 {
			return s.partDone(c)
		}
		s.i = (s.lo + s.hi) / 2
		s.a, s.b = t.GetInt(s.i), t.GetInt(s.lo)
		s.step = sortMidFirst
		return s.a, s.b, true, nil

	case sortMidFirst:
		if s.less {
			if err := s.put(m, s.i, s.b, s.lo, s.a); err != nil {
				return x, y, false, err
			}
			return s.partition(c)
		}
		s.b = t.GetInt(s.hi)
		s.step = sortMidLast
		return s.b, s.a, true, nil

	case sortMidLast:
		if s.less {
			if err := s.put(m, s.i, s.b, s.hi, s.a); err != nil {
				return x, y, false, err
			}
		}
		return s.partition(c)

	case sortScanUp:
		if s.less {
			if s.i > s.hi {
				return x, y, false, c.Errorf("invalid order function for sorting")
			}
			return s.scanUp()
		}
		return s.scanDown()

	default: // sortScanDown
		if s.less {
			if s.j < s.lo {
				return x, y, false, c.Errorf("invalid order function for sorting")
			}
			return s.scanDown()
		}
		if s.j >= s.i {
			if err := s.put(m, s.i, s.b, s.j, s.a); err != nil {
				return x, y, false, err
			}
			return s.scanUp()
		}
		return s.split(c)
	}
}

// put stores x at i, then y at j.
func (s *sorter) put(m *vm.Machine, i int, x vm.Value, j int, y vm.Value) error {
	if err := m.SetInt(s.t, i, x); err != nil {
		return err
	}
	return m.SetInt(s.t, j, y)
}

// partDone goes to the next part.
func (s *sorter) partDone(c *vm.Call) (x, y vm.Value, more bool, err error) {
	s.lo, s.hi, s.step = 1, 0, sortBegin
	return s.next(c)
}

// partition begins the scans, with the middle element as pivot, put next to the
// last; the first and the last element are on the right side of it already.
func (s *sorter) partition(c *vm.Call) (x, y vm.Value, more bool, err error) {
	if s.hi-s.lo == 2 {
		return s.partDone(c)
	}
	s.pivot = s.t.GetInt(s.i)
	if err := s.put(c.Machine(), s.i, s.t.GetInt(s.hi-1), s.hi-1, s.pivot); err != nil {
		return x, y, false, err
	}
	s.i, s.j = s.lo, s.hi-1
	return s.scanUp()
}

func (s *sorter) scanUp() (x, y vm.Value, more bool, err error) {
	s.i++
	s.a = s.t.GetInt(s.i)
	s.step = sortScanUp
	return s.a, s.pivot, true, nil
}

func (s *sorter) scanDown() (x, y vm.Value, more bool, err error) {
	s.j--
	s.b = s.t.GetInt(s.j)
	s.step = sortScanDown
	return s.pivot, s.b, true, nil
}

// split puts the pivot where the scans met and goes on with the smaller part.
// The larger waits, so that at most log2(n) parts do.
func (s *sorter) split(c *vm.Call) (x, y vm.Value, more bool, err error) {
	atPivot, met := s.t.GetInt(s.hi-1), s.t.GetInt(s.i)
	if err := s.put(c.Machine(), s.hi-1, met, s.i, atPivot); err != nil {
		return x, y, false, err
	}
	below, above := part{int32(s.lo), int32(s.i - 1)}, part{int32(s.i + 1), int32(s.hi)}
	smaller, larger := above, below
	if s.i-s.lo < s.hi-s.i {
		smaller, larger = below, above
	}
	s.pending = append(s.pending, larger)
	s.lo, s.hi, s.step = int(smaller.lo), int(smaller.hi), sortBegin
	return s.next(c)
}
