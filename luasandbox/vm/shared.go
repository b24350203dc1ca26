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
	t := &Table{}
	t.borrow(&s.t)
	return t
}

// borrow makes t, which is new, one that has from's contents until it is written to.
func (t *Table) borrow(from *Table) {
	*t = *from
	t.header = header{kind: objTable, flags: from.flags&^(flagShared|flagReadOnly) | flagBorrowed}
	t.ents = from.ents[:len(from.ents):len(from.ents)]
}

// Open gives the globals, which must be empty, the contents of s, in their order,
// and room for one more. For each shared table among these m gets a table of its
// own with that one's contents, which it shares with it until a script first writes
// to it. It errs if m's memory limit is too small (*limits.Error).
func (m *Machine) Open(s *Shared) error {
	borrowed := 0
	for i := range s.t.ents {
		if s.t.ents[i].val.AsTable() != nil {
			borrowed++
		}
	}
	n := len(s.t.ents)
	capacity := entryCapacity(n + 1)
	if err := m.alloc(entryBytes(capacity) + int64(borrowed)*limits.TableHeader); err != nil {
		return err
	}
	if err := m.work(int64(n)*limits.HashLookup + int64(borrowed)*limits.AllocObject); err != nil {
		return err
	}
	// One allocation for all: while a script refers to one of them Go keeps the
	// others, which are few, and never more than are charged for at the start.
	tables := make([]Table, borrowed)
	m.globals.makeEntries(capacity)
	for i := range s.t.ents {
		e := &s.t.ents[i]
		v := e.val
		if from := v.AsTable(); from != nil {
			tables[0].borrow(from)
			v, tables = tables[0].Value(), tables[1:]
		}
		m.globals.appendEntry(e.key, e.hash, v)
	}
	return nil
}
