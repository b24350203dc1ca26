package vm

import (
	"github.com/luasandbox/modrunner/limits"
)

// Pair is one field of a shared table.
type Pair struct {
	Name  string
	Value Value // a number, boolean, SharedString, NewNative, or a shared table's
}

// Shared is a library's contents, built once and used by all machines.
type Shared struct{ t Table }

// NewShared returns a library of the given fields, in their order.
func NewShared(pairs []Pair) *Shared {
	s := &Shared{}
	t := &s.t
	t.header = header{kind: objTable, flags: flagShared | flagReadOnly, id: nextSharedID()}
	n := entryCapacity(len(pairs))
	if n > 0 {
		t.makeEntries(n)
	}
	for _, p := range pairs {
		k := SharedString(p.Name)
		t.appendEntry(k, k.str().hashed(), p.Value)
	}
	return s
}

// Table returns the library as a table that all machines may read, and none write.
func (s *Shared) Table() *Table { return &s.t }

// Borrow returns a table of m's own with the library's contents, which it shares
// until a script first writes to it.
func (m *Machine) Borrow(s *Shared) *Table {
	_ = m.alloc(limits.TableHeader)
	return &Table{
		header: header{kind: objTable, flags: s.t.flags&^(flagShared|flagReadOnly) | flagBorrowed},
		ents:   s.t.ents[:len(s.t.ents):len(s.t.ents)],
		heads:  s.t.heads,
		has:    s.t.has,
	}
}
