package stdlib

import (
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

const (
	// stride is how many elements a loop handles between two charges.
	stride = 1024
	// maxGap is how far beyond a list's end table.insert reaches.
	maxGap = 1_000_000

	chargeMove = "ListAppend, and ListMove for each element moved, before it is"
	chargeWalk = "HashLookup for each slot of the table"
)

var tableLibrary = []entry{
	{library: "table", name: "concat", fn: native("table.concat", tableConcat), status: full,
		charge: "one for each element, NumberToString, the bytes, before any is copied", test: "TestOracle/table"},
	{library: "table", name: "foreach", fn: native("table.foreach", tableForEach), status: differs, charge: "HashLookup and Callback for each pair",
		note: "the order is next's", test: "TestOracle/table"},
	{library: "table", name: "foreachi", fn: native("table.foreachi", tableForEachI), status: full, charge: "Callback for each element", test: "TestOracle/table"},
	{library: "table", name: "getn", fn: native("table.getn", tableGetN), status: full, charge: "none", test: "TestOracle/table"},
	{library: "table", name: "insert", fn: native("table.insert", tableInsert), status: differs, charge: chargeMove,
		note: "a position more than 1,000,000 beyond the end is an error: it is a mistake, or an attempt to make a table huge in one step",
		test: "TestInsertFarBeyondTheEnd"},
	{library: "table", name: "maxn", fn: native("table.maxn", tableMaxN), status: full, charge: chargeWalk, test: "TestOracle/table"},
	{library: "table", name: "remove", fn: native("table.remove", tableRemove), status: full, charge: chargeMove, test: "TestOracle/table"},
	{library: "table", name: "setn", fn: native("table.setn", tableSetN), status: full, charge: "none", test: "TestOracle/table"},
	{library: "table", name: "sort", fn: native("table.sort", tableSort), status: full,
		charge: "SortCompare for each comparison; Callback for each call of a comparator; strings by their bytes", test: "TestOracle/sort"},
}

func tableGetN(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	n, err := c.Len(t)
	if err != nil {
		return err
	}
	return c.Return(vm.Int(n))
}

func tableSetN(c *vm.Call) error {
	if _, err := c.CheckTable(0); err != nil {
		return err
	}
	return c.Errorf("'setn' is obsolete")
}

// maxWalk is a table.maxn in progress.
type maxWalk struct {
	t   *vm.Table
	key vm.Value // the last key seen
	max float64
}

func tableMaxN(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	if err := c.Reserve(limits.ClosureHeader); err != nil {
		return err
	}
	return (&maxWalk{t: t}).Resume(c)
}

// Resume walks on.
func (w *maxWalk) Resume(c *vm.Call) error {
	for {
		if c.ShouldSuspend() {
			return c.Suspend(w)
		}
		if err := c.Work(stride * limits.HashLookup); err != nil {
			return err
		}
		for seen := 0; seen < stride; seen++ {
			key, _, skipped, err := w.t.Next(w.key)
			if err != nil {
				return err
			}
			if err := c.Work(int64(skipped)); err != nil {
				return err
			}
			if key.IsNil() {
				return c.Return(vm.Number(w.max))
			}
			w.key = key
			if f, ok := key.AsNumber(); ok && f > w.max {
				w.max = f
			}
		}
	}
}

// Trace counts what the walk holds.
func (w *maxWalk) Trace(walk *vm.Walk) {
	walk.Value(w.t.Value())
	walk.Value(w.key)
	walk.Bytes(limits.ClosureHeader)
}

// eachPair is a table.foreach in progress.
type eachPair struct {
	t      *vm.Table
	fn     vm.Value
	key    vm.Value
	called bool
}

func tableForEach(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	fn, err := c.CheckFunction(1)
	if err != nil {
		return err
	}
	if err := c.Reserve(limits.ClosureHeader); err != nil {
		return err
	}
	return (&eachPair{t: t, fn: fn}).Resume(c)
}

// Resume ends with the function's result if there is one, or goes to the next pair.
func (e *eachPair) Resume(c *vm.Call) error {
	if e.called && !c.Arg(0).IsNil() {
		return c.Return(c.Arg(0))
	}
	if err := c.Work(limits.HashLookup + limits.Callback); err != nil {
		return err
	}
	key, val, skipped, err := e.t.Next(e.key)
	if err != nil {
		return err
	}
	if err := c.Work(int64(skipped)); err != nil {
		return err
	}
	if key.IsNil() {
		return c.Return()
	}
	e.key, e.called = key, true
	return c.Call(e, e.fn, key, val)
}

// Trace counts what the loop holds.
func (e *eachPair) Trace(w *vm.Walk) {
	w.Value(e.t.Value())
	w.Value(e.fn)
	w.Value(e.key)
	w.Bytes(limits.ClosureHeader)
}

// eachIndex is a table.foreachi in progress.
type eachIndex struct {
	t     *vm.Table
	fn    vm.Value
	i, to int // the index last used, and the last to use
}

func tableForEachI(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	fn, err := c.CheckFunction(1)
	if err != nil {
		return err
	}
	if err := c.Reserve(limits.ClosureHeader); err != nil {
		return err
	}
	n, err := c.Len(t)
	if err != nil {
		return err
	}
	return (&eachIndex{t: t, fn: fn, to: n}).Resume(c)
}

// Resume ends with the function's result if there is one, or goes to the next index.
func (e *eachIndex) Resume(c *vm.Call) error {
	if e.i > 0 && !c.Arg(0).IsNil() {
		return c.Return(c.Arg(0))
	}
	if e.i >= e.to {
		return c.Return()
	}
	if err := c.Work(limits.Callback); err != nil {
		return err
	}
	e.i++
	return c.Call(e, e.fn, vm.Int(e.i), e.t.GetInt(e.i))
}

// Trace counts what the loop holds.
func (e *eachIndex) Trace(w *vm.Walk) {
	w.Value(e.t.Value())
	w.Value(e.fn)
	w.Bytes(limits.ClosureHeader)
}

// shift is a table.insert or table.remove in progress: it moves elements one
// place up, from the last to the first, or one place down, from the first to the last.
type shift struct {
	t      *vm.Table
	at     int // the place written next
	last   int // the place written last
	up     bool
	value  vm.Value // insert: what goes to last in the end; remove: the result
	remove bool
}

func tableInsert(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	end, err := c.Len(t)
	if err != nil {
		return err
	}
	end++
	switch c.NArgs() {
	case 2:
		if err := c.Work(limits.ListAppend); err != nil {
			return err
		}
		return storeInt(c, t, end, c.Arg(1))
	case 3:
	default:
		return c.Errorf("wrong number of arguments to 'insert'")
	}
	position, err := checkInt32(c, 1)
	if err != nil {
		return err
	}
	pos := int(position)
	if pos > end {
		if pos-end > maxGap {
			return c.ArgError(1, "position out of bounds")
		}
		end = pos
	}
	return moveElements(c, shift{t: t, at: end, last: pos, up: true, value: c.Arg(2)})
}

func storeInt(c *vm.Call, t *vm.Table, i int, v vm.Value) error {
	if err := c.Machine().SetInt(t, i, v); err != nil {
		return err
	}
	return c.Return()
}

func tableRemove(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	end, err := c.Len(t)
	if err != nil {
		return err
	}
	position, err := optInt32(c, 1, int32(end))
	if err != nil {
		return err
	}
	pos := int(position)
	if pos < 1 || pos > end {
		return c.Return()
	}
	return moveElements(c, shift{t: t, at: pos, last: end, value: t.GetInt(pos), remove: true})
}

// moveElements runs s, without a continuation of its own if it is short.
func moveElements(c *vm.Call, s shift) error {
	n := s.last - s.at
	if s.up {
		n = -n
	}
	if n > stride {
		if err := c.Reserve(limits.ClosureHeader); err != nil {
			return err
		}
		long := s
		return long.Resume(c)
	}
	if err := c.Work(limits.ListAppend + int64(n)*s.price()); err != nil {
		return err
	}
	if err := s.move(c, n); err != nil {
		return err
	}
	return s.finish(c)
}

// Resume moves on.
func (s *shift) Resume(c *vm.Call) error {
	for {
		n := s.last - s.at
		if s.up {
			n = -n
		}
		if n == 0 {
			return s.finish(c)
		}
		if c.ShouldSuspend() {
			return c.Suspend(s)
		}
		n = min(n, stride)
		if err := c.Work(int64(n) * s.price()); err != nil {
			return err
		}
		if err := s.move(c, n); err != nil {
			return err
		}
	}
}

// price is what one element costs.
func (s *shift) price() int64 {
	if s.last < 1 {
		return limits.ListMoveFar
	}
	return limits.ListMove
}

func (s *shift) move(c *vm.Call, n int) error {
	m, step := c.Machine(), 1
	if s.up {
		step = -1
	}
	for ; n > 0; n-- {
		if err := m.SetInt(s.t, s.at, s.t.GetInt(s.at+step)); err != nil {
			return err
		}
		s.at += step
	}
	return nil
}

func (s *shift) finish(c *vm.Call) error {
	if !s.remove {
		return storeInt(c, s.t, s.last, s.value)
	}
	if err := c.Machine().SetInt(s.t, s.last, vm.Nil); err != nil {
		return err
	}
	return c.Return(s.value)
}

// Trace counts what the move holds.
func (s *shift) Trace(w *vm.Walk) {
	w.Value(s.t.Value())
	w.Value(s.value)
	w.Bytes(limits.ClosureHeader)
}

// concatenation is a table.concat in progress: it adds up the length, which is
// charged as a whole, and then copies.
type concatenation struct {
	t        *vm.Table
	sep      string
	from, to int
	at       int
	total    int64
	copying  bool
	out      strings.Builder
}

func tableConcat(c *vm.Call) error {
	sep, err := c.OptString(1, "")
	if err != nil {
		return err
	}
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	from, err := optInt32(c, 2, 1)
	if err != nil {
		return err
	}
	to := int32(0)
	if c.Arg(3).IsNil() {
		n, err := c.Len(t)
		if err != nil {
			return err
		}
		to = int32(n)
	} else if to, err = checkInt32(c, 3); err != nil {
		return err
	}
	if err := c.Reserve(2 * limits.ClosureHeader); err != nil {
		return err
	}
	return (&concatenation{t: t, sep: sep, from: int(from), to: int(to), at: int(from)}).Resume(c)
}

// Resume measures or copies on.
func (k *concatenation) Resume(c *vm.Call) error {
	for {
		for k.at <= k.to {
			if c.ShouldSuspend() {
				return c.Suspend(k)
			}
			n := min(k.to-k.at+1, stride)
			if err := c.Work(int64(n)); err != nil {
				return err
			}
			for ; n > 0; n-- {
				if err := k.element(c); err != nil {
					return err
				}
				k.at++
			}
		}
		if k.copying {
			return c.Return(vm.String(k.out.String()))
		}
		if err := c.ReserveString(int(k.total)); err != nil {
			return err
		}
		k.out.Grow(int(k.total))
		k.at, k.copying = k.from, true
	}
}

// element measures or copies one element and the separator after it.
func (k *concatenation) element(c *vm.Call) (err error) {
	v := k.t.GetInt(k.at)
	s, ok := v.AsString()
	if f, number := v.AsNumber(); number {
		if s, err = numberText(c, f); err != nil {
			return err
		}
		ok = true
	}
	if !ok {
		return c.Errorf("invalid value (%s) at index %d in table for 'concat'", v.Kind(), k.at)
	}
	sep := k.sep
	if k.at == k.to {
		sep = ""
	}
	if k.copying {
		k.out.WriteString(s)
		k.out.WriteString(sep)
		return nil
	}
	k.total += int64(len(s)) + int64(len(sep))
	// Refused at the element that passes the limit, not after walking to the end.
	if k.total > c.Machine().Limits().String {
		return c.ReserveString(int(k.total))
	}
	return nil
}

// Trace counts what the concatenation holds; the text counts whole, as charged.
func (k *concatenation) Trace(w *vm.Walk) {
	w.Value(k.t.Value())
	w.Bytes(2*limits.ClosureHeader + int64(len(k.sep)) + int64(k.out.Cap()))
}
