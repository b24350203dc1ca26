package vm

import (
	"math"
	"math/bits"

	"github.com/luasandbox/modrunner/limits"
)

// Table is a Lua table: an array part for keys 1..len(arr) and an
// insertion-ordered hash part for the rest ("The Implementation of Lua 5.0",
// section 4, with chained entries in place of Brent's variation).
//
// An entry whose value is nil is dead: its key stays, so that next() finds its
// place, until the entries are rebuilt. A Table belongs to one machine, unless
// it is shared (Freeze), and is not safe for concurrent use.
type Table struct {
	header
	first  int32  // entries before this one are dead
	border int32  // where Len last found a border in arr, 0 if nowhere yet
	has    uint64 // a bit for each key in ents, by the low bits of its hash: see lacks
	arr    []Value
	ents   []entry
	heads  *buckets // nil while ents are few
	meta   *Table
	lost   int32 // bytes allocated together with t that it has outgrown
}

// buckets finds an entry by its key's hash.
type buckets struct {
	newest []int32 // hash bucket -> 1 + index of its newest entry; a power of two of them
}

type entry struct {
	key, val Value
	next     int32 // 1 + index of the next entry in the bucket, 0 at the end
	hash     uint32
}

const (
	// scanEntries is how many entries are searched one by one, without buckets.
	scanEntries = 8
	// maxArrayBits bounds the array part at 1<<26 slots, as C Lua's MAXASIZE.
	maxArrayBits = 26
	// maxEntries keeps entry indexes within an int32.
	maxEntries = 1 << 30
)

// Get returns t[k] without metamethods; nil if absent. A key that is a string
// not hashed before is hashed: a caller with a script's key charges KeyWork first.
func (t *Table) Get(k Value) Value {
	if k.isNumber() {
		f := math.Float64frombits(k.n)
		i := int(f)
		if uint(i-1) < uint(len(t.arr)) && float64(i) == f {
			return t.arr[i-1]
		}
		if len(t.ents) == 0 || t.flags&flagIntKeys == 0 {
			return Value{}
		}
		if e := t.find(k, hashNumber(f)); e >= 0 {
			return t.ents[e].val
		}
		return Value{}
	}
	if k.p == nil || len(t.ents) == 0 {
		return Value{}
	}
	h, known := k.hash()
	if !known {
		return Value{}
	}
	if e := t.find(k, h); e >= 0 {
		return t.ents[e].val
	}
	return Value{}
}

// GetInt returns t[i] without metamethods.
func (t *Table) GetInt(i int) Value {
	if uint(i-1) < uint(len(t.arr)) {
		return t.arr[i-1]
	}
	if t.flags&flagIntKeys == 0 {
		return Value{}
	}
	return t.Get(Number(float64(i)))
}

// getString returns t[s].
func (t *Table) getString(s *stringObject) Value {
	if e := t.find(s.value(), s.hashed()); e >= 0 {
		return t.ents[e].val
	}
	return Value{}
}

// GetString returns t[s] without metamethods, for Go callers.
func (t *Table) GetString(s string) Value {
	o := stringObject{header: header{kind: objString}, s: s}
	return t.getString(&o)
}

// lacks reports that no entry of t has a key of hash h. It may be false without
// reason, the more often the more entries there are.
func (t *Table) lacks(h uint32) bool { return t.has>>(h&63)&1 == 0 }

// find returns the index of the entry with key k and hash h, dead or alive, or -1.
func (t *Table) find(k Value, h uint32) int {
	if t.lacks(h) {
		return -1
	}
	if t.heads == nil {
		for i := range t.ents {
			if e := &t.ents[i]; e.hash == h && (e.key.p == k.p && e.key.n == k.n || keyEqual(e.key, k)) {
				return i
			}
		}
		return -1
	}
	newest := t.heads.newest
	for i := newest[h&uint32(len(newest)-1)]; i != 0; {
		e := &t.ents[i-1]
		if e.hash == h && (e.key.p == k.p && e.key.n == k.n || keyEqual(e.key, k)) {
			return int(i - 1)
		}
		i = e.next
	}
	return -1
}

// keyEqual compares keys of equal hash; apart it keeps find small.
func keyEqual(a, b Value) bool { return RawEqual(a, b) }

// arrayIndex returns k as an index into the array part, or -1.
func (t *Table) arrayIndex(k Value) int {
	if k.isNumber() {
		f := math.Float64frombits(k.n)
		if i := int(f); uint(i-1) < uint(len(t.arr)) && float64(i) == f {
			return i - 1
		}
	}
	return -1
}

// Len returns a border of t: n with t[n] ~= nil and t[n+1] == nil, or 0 if t[1]
// is nil (manual, section 2.5.5). O(log n).
func (t *Table) Len() int {
	if n, known := t.knownLen(); known {
		return n
	}
	return t.searchLen()
}

// Len is t.Len, charged.
func (m *Machine) Len(t *Table) (int, error) {
	if n, known := t.knownLen(); known {
		return n, nil
	}
	if err := m.work(limits.BorderSearch); err != nil {
		return 0, err
	}
	return t.searchLen(), nil
}

// knownLen returns a border of t if it takes no search, or a short one: where the
// array part ends, or where the last search found one.
func (t *Table) knownLen() (n int, known bool) {
	n = len(t.arr)
	if n == 0 || t.arr[n-1].p != nil {
		return n, t.flags&flagIntKeys == 0
	}
	if b := int(t.border); b > 0 && b < n && t.arr[b].p == nil && t.arr[b-1].p != nil {
		return b, true
	}
	if n <= freeSearch {
		return t.searchLen(), true
	}
	return 0, false
}

// freeSearch is the length of an array part up to which the search for a border in
// it, by halving as in C Lua, is part of the instruction that wants it.
const freeSearch = 4096

func (t *Table) searchLen() int {
	n := len(t.arr)
	if n > 0 && t.arr[n-1].p == nil {
		lo, hi := 0, n // t[lo] is not nil or lo is 0; t[hi] is nil
		for hi-lo > 1 {
			if mid := (lo + hi) / 2; t.arr[mid-1].p == nil {
				hi = mid
			} else {
				lo = mid
			}
		}
		t.setBorder(lo)
		return lo
	}
	lo, hi := n, n+1
	for t.GetInt(hi).p != nil {
		lo = hi
		if hi > math.MaxInt32 {
			return lo
		}
		hi *= 2
	}
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; t.GetInt(mid).p == nil {
			hi = mid
		} else {
			lo = mid
		}
	}
	return lo
}

func (t *Table) setBorder(b int) {
	if t.flags&flagShared == 0 {
		t.border = int32(b)
	}
}

// Metatable returns t's metatable or nil.
func (t *Table) Metatable() *Table { return t.meta }

// ReadOnly reports whether scripts are kept from writing to t.
func (t *Table) ReadOnly() bool { return t.flags&flagReadOnly != 0 }

// SetReadOnly keeps scripts from writing to t from now on. Go code still can.
func (t *Table) SetReadOnly() { t.flags |= flagReadOnly }

// Size returns the slots of the array part and the entries of the hash part,
// live or not: the length of a walk over t.
func (t *Table) Size() (array, hash int) { return len(t.arr), len(t.ents) }

// errInvalidKey is what Next answers to a key that is not in the table.
var errInvalidKey = newMessage("invalid key to 'next'")

// Next returns the pair after key k in t's order, starting with k nil; the key
// is nil at the end. Array slots come first, then entries in order of insertion.
// skipped is the number of empty places passed over, work that the caller charges.
// It errs if k is not a key of t.
func (t *Table) Next(k Value) (key, val Value, skipped int, err error) {
	at, err := t.position(k)
	if err != nil {
		return Value{}, Value{}, 0, err
	}
	key, val, _, skipped = t.after(at)
	return key, val, skipped, nil
}

// position returns the place after k: an index into arr, or len(arr) plus an
// index into ents.
func (t *Table) position(k Value) (int, error) {
	if k.p == nil {
		return 0, nil
	}
	if i := t.arrayIndex(k); i >= 0 {
		return i + 1, nil
	}
	if h, known := k.hash(); known {
		if e := t.find(k, h); e >= 0 {
			return len(t.arr) + e + 1, nil
		}
	}
	return 0, errInvalidKey
}

// positionHinted is position, trying first the place that a loop came to last.
func (t *Table) positionHinted(k Value, at int) (int, error) {
	n := len(t.arr)
	if at > n && at-n <= len(t.ents) && t.ents[at-n-1].key == k {
		return at, nil
	}
	return t.position(k)
}

// after returns the first live pair at or after place at, and the place after it.
func (t *Table) after(at int) (key, val Value, next, skipped int) {
	from := at
	n := len(t.arr)
	for ; at < n; at++ {
		if t.arr[at].p != nil {
			return Number(float64(at + 1)), t.arr[at], at + 1, at - from
		}
	}
	e := at - n
	start := e
	if e < int(t.first) {
		e = int(t.first)
		start = e
	}
	skipped = n - min(from, n)
	for ; e < len(t.ents); e++ {
		if t.ents[e].val.p != nil {
			if start == int(t.first) && t.flags&(flagShared|flagBorrowed) == 0 {
				t.first = int32(e)
			}
			return t.ents[e].key, t.ents[e].val, n + e + 1, skipped + e - start
		}
	}
	if start == int(t.first) && t.flags&(flagShared|flagBorrowed) == 0 {
		t.first = int32(e)
	}
	return Value{}, Value{}, n + e, skipped + e - start
}

// setAt stores v in entry e.
func (t *Table) setAt(e int, v Value) {
	t.ents[e].val = v
	if v.p != nil && int32(e) < t.first {
		t.first = int32(e)
	}
}

// NewTable returns an empty table with room for array slots and hash entries,
// charged to m.
func (m *Machine) NewTable(array, hash int) (*Table, error) {
	if array < 0 || array > 1<<maxArrayBits || hash < 0 || hash > maxEntries {
		return nil, m.tableTooLarge()
	}
	cap := entryCapacity(hash)
	if err := m.alloc(limits.TableHeader + int64(array)*limits.ValueBytes + entryBytes(cap)); err != nil {
		return nil, err
	}
	if n := int64(array+hash) / limits.TableSlotMove; n > 0 {
		if err := m.work(n); err != nil {
			return nil, err
		}
	}
	return newTable(array, cap), nil
}

// joined is a small table allocated together with its first slots or entries,
// [n]Value or [n]entry. When these are outgrown they stay, of no use, for as long
// as the table.
type joined[T any] struct {
	Table
	first T
}

// newTable returns a table with array slots and room for capacity entries.
func newTable(array, capacity int) (t *Table) {
	switch {
	case array == 0 && capacity == 1:
		o := &joined[[1]entry]{}
		t, o.ents = &o.Table, o.first[:0]
	case array == 0 && capacity == 2:
		o := &joined[[2]entry]{}
		t, o.ents = &o.Table, o.first[:0]
	case array == 0 && capacity == 4:
		o := &joined[[4]entry]{}
		t, o.ents = &o.Table, o.first[:0]
	case array == 1 && capacity == 0:
		o := &joined[[1]Value]{}
		t, o.arr = &o.Table, o.first[:]
	case array == 2 && capacity == 0:
		o := &joined[[2]Value]{}
		t, o.arr = &o.Table, o.first[:]
	case array == 3 && capacity == 0:
		o := &joined[[3]Value]{}
		t, o.arr = &o.Table, o.first[:]
	case array == 4 && capacity == 0:
		o := &joined[[4]Value]{}
		t, o.arr = &o.Table, o.first[:]
	default:
		t = &Table{header: header{kind: objTable}}
		if array > 0 {
			t.arr = make([]Value, array)
		}
		if capacity > 0 {
			t.makeEntries(capacity)
		}
		return t
	}
	t.kind, t.flags = objTable, flagJoinedSlots
	if capacity > 0 {
		t.flags = flagJoinedEntries
	}
	return t
}

// fill gives t, which is empty, the keys of like, without values. t has room for
// as many entries as like.
func (t *Table) fill(like *Table) {
	t.ents = append(t.ents[:0], like.ents...)
	t.has = like.has
	if t.heads != nil {
		copy(t.heads.newest, like.heads.newest)
	}
}

// leaveSlots is called before t's array part is replaced by another.
func (t *Table) leaveSlots() {
	if t.flags&flagJoinedSlots != 0 {
		t.lost = int32(len(t.arr)) * int32(limits.ValueBytes)
		t.flags &^= flagJoinedSlots
	}
}

// leaveEntries is called before t's entries are replaced by others.
func (t *Table) leaveEntries() {
	if t.flags&flagJoinedEntries != 0 {
		t.lost = int32(cap(t.ents)) * int32(limits.HashEntry)
		t.flags &^= flagJoinedEntries
	}
}

// entryCapacity is the number of entries allocated to hold n.
func entryCapacity(n int) int {
	switch {
	case n == 0:
		return 0
	case n == 1:
		return 1
	}
	return 1 << bits.Len(uint(n-1))
}

// entryBytes is the memory of a hash part of the given capacity.
func entryBytes(capacity int) int64 {
	b := int64(capacity) * limits.HashEntry
	if capacity > scanEntries {
		b += limits.IndexHeader + int64(capacity)*limits.IndexSlot
	}
	return b
}

func (t *Table) makeEntries(capacity int) {
	t.ents = make([]entry, 0, capacity)
	t.heads, t.has = nil, 0
	if capacity > scanEntries {
		t.heads = &buckets{make([]int32, capacity)}
	}
	t.first = 0
}

// appendEntry adds a key that t does not hold; there is room for it.
func (t *Table) appendEntry(k Value, h uint32, v Value) {
	i := len(t.ents)
	t.ents = t.ents[:i+1]
	e := &t.ents[i]
	e.key, e.val, e.hash, e.next = k, v, h, 0
	t.has |= 1 << (h & 63)
	if t.heads != nil {
		b := &t.heads.newest[h&uint32(len(t.heads.newest)-1)]
		e.next = *b
		*b = int32(i + 1)
	}
	if k.isNumber() {
		t.flags |= flagIntKeys
	}
}

// own makes a table that borrows a shared library's entries hold its own.
func (m *Machine) own(t *Table) error {
	n := cap(t.ents)
	if n < len(t.ents) {
		n = len(t.ents)
	}
	if err := m.alloc(entryBytes(n)); err != nil {
		return err
	}
	if err := m.work(int64(n) * limits.TableRehash); err != nil {
		return err
	}
	old := t.ents
	t.ents = append(make([]entry, 0, n), old...)
	if t.heads != nil {
		t.heads = &buckets{append([]int32(nil), t.heads.newest...)}
	}
	t.flags &^= flagBorrowed
	return nil
}

// RawSet stores v at t[k] without metamethods, charging m for memory and work
// before either. The errors are those of Lua: a nil or NaN key, a read-only
// table; and *limits.Error.
func (m *Machine) RawSet(t *Table, k, v Value) error {
	if t.flags&(flagReadOnly|flagShared) != 0 {
		return errReadOnly
	}
	return m.set(t, k, v)
}

var (
	errReadOnly = newMessage("attempt to modify a read-only table")
	errNilKey   = newMessage("table index is nil")
	errNaNKey   = newMessage("table index is NaN")
)

// set is RawSet without the read-only check: for Go code.
func (m *Machine) set(t *Table, k, v Value) error {
	if i := t.arrayIndex(k); i >= 0 {
		t.arr[i] = v
		return nil
	}
	switch {
	case k.p == nil:
		return errNilKey
	case k.isNumber():
		if f := math.Float64frombits(k.n); f != f {
			return errNaNKey
		} else if f == 0 {
			k.n = 0 // -0 is 0
		}
	case k.object().kind == objString:
		t.absent = 0
		if err := m.keyWork(k); err != nil {
			return err

		}
	case k.object().id == 0 && k.object().kind > objNumber:
		if v.p == nil {
			return nil
		}
		m.identify(k.object())
	}
	h, _ := k.hash()
	if e := t.find(k, h); e >= 0 {
		if t.flags&flagBorrowed != 0 {
			if err := m.own(t); err != nil {
				return err
			}
		}
		t.setAt(e, v)
		return nil
	}
	if v.p == nil {
		return nil
	}
	return m.insert(t, k, h, v)
}

// SetInt stores v at t[i] as RawSet does.
func (m *Machine) SetInt(t *Table, i int, v Value) error {
	if uint(i-1) < uint(len(t.arr)) && t.flags&flagReadOnly == 0 {
		t.arr[i-1] = v
		return nil
	}
	return m.RawSet(t, Number(float64(i)), v)
}

// SetString stores v at t[k] as RawSet does, charging for the key.
func (m *Machine) SetString(t *Table, k string, v Value) error {
	key, err := m.NewString(k)
	if err != nil {
		return err
	}
	return m.RawSet(t, key, v)
}

// insert adds a key that t does not hold.
func (m *Machine) insert(t *Table, k Value, h uint32, v Value) error {
	if t.flags&flagBorrowed != 0 {
		if err := m.own(t); err != nil {
			return err
		}
	}
	room := cap(t.ents) - len(t.ents)
	if k.isNumber() && math.Float64frombits(k.n) == float64(len(t.arr)+1) {
		// An append: grow the array part, unless a large hash part still has room,
		// whose rebuilding the append would otherwise pay for.
		if room == 0 || len(t.ents) <= len(t.arr) {
			return m.rehash(t, k, h, v)
		}
	} else if room == 0 {
		return m.rehash(t, k, h, v)
	}
	t.appendEntry(k, h, v)
	return nil
}

// rehash rebuilds t to hold one more key. The array part becomes the largest
// power of two n such that more than n/2 of its slots are in use (as in C Lua);
// the other live entries keep their order.
func (m *Machine) rehash(t *Table, k Value, h uint32, v Value) error {
	if err := m.work(int64(len(t.arr)+len(t.ents))/limits.TableSlotMove + 1); err != nil {
		return err
	}
	var bins [maxArrayBits + 1]int // bins[i]: integer keys in (2^(i-1), 2^i]
	ints := 0
	count := func(k Value) {
		if k.isNumber() {
			f := math.Float64frombits(k.n)
			if f >= 1 && f <= 1<<maxArrayBits && f == math.Trunc(f) {
				bins[bits.Len(uint(f)-1)]++
				ints++
			}
		}
	}
	for i, lo, hi := 0, 0, 1; lo < len(t.arr); i, lo, hi = i+1, hi, hi*2 {
		for j := lo; j < min(hi, len(t.arr)); j++ {
			if t.arr[j].p != nil {
				bins[i]++
				ints++
			}
		}
	}
	inArray := ints // live slots of the array part
	live := 0
	for i := range t.ents {
		if e := &t.ents[i]; e.val.p != nil {
			live++
			count(e.key)
		}
	}
	count(k)
	size, within := 0, 0 // the new array part, and how many keys it takes
	for i, sum := 0, 0; i <= maxArrayBits && 1<<i/2 < ints; i++ {
		sum += bins[i]
		if sum > 1<<i/2 {
			size, within = 1<<i, sum
		}
	}
	entries := inArray + live + 1 - within
	capacity := entryCapacity(entries)
	if live < len(t.ents) {
		// Keys come and go: leave room, or the next one would rebuild all again.
		capacity = entryCapacity(entries + entries/3)
	}
	if capacity > maxEntries {
		return m.tableTooLarge()
	}
	if err := m.work(int64(capacity) * limits.TableRehash); err != nil {
		return err
	}
	bytes := entryBytes(capacity)
	if size != len(t.arr) {
		bytes += int64(size) * limits.ValueBytes
	}
	if err := m.alloc(bytes); err != nil {
		return err
	}
	oldArr, oldEnts := t.arr, t.ents
	t.leaveEntries()
	if size != len(oldArr) {
		t.leaveSlots()
		t.arr = make([]Value, size)
		copy(t.arr, oldArr)
		t.border = 0
	}
	if entries == 0 {
		t.ents, t.heads, t.first, t.has = nil, nil, 0, 0
	} else {
		t.makeEntries(capacity)
	}
	t.flags &^= flagIntKeys
	for i := size; i < len(oldArr); i++ {
		if oldArr[i].p != nil {
			key := Number(float64(i + 1))
			t.appendEntry(key, hashNumber(float64(i+1)), oldArr[i])
		}
	}
	for i := range oldEnts {
		e := &oldEnts[i]
		if e.val.p == nil {
			continue
		}
		if j := t.arrayIndex(e.key); j >= 0 {
			t.arr[j] = e.val
		} else {
			t.appendEntry(e.key, e.hash, e.val)
		}
	}
	if j := t.arrayIndex(k); j >= 0 {
		t.arr[j] = v
	} else {
		t.appendEntry(k, h, v)
	}
	return nil
}
