package vm

import (
	"hash/maphash"
	"math"
	"math/bits"
	"sync"

	"github.com/luasandbox/modrunner/limits"
)

// stringObject is a Lua string. header.id caches its hash.
type stringObject struct {
	header
	s string
}

// hashSeed and its kin are drawn once per process, so a script cannot choose
// keys that collide. Nothing a script can see depends on them: tables iterate in
// insertion order and no price depends on a bucket's length.
var (
	hashSeed  = maphash.MakeSeed()
	numberMix = maphash.Bytes(hashSeed, []byte("number, first")) | 1
	numberAdd = maphash.Bytes(hashSeed, []byte("number, second"))
)

// hashed returns s's hash, never 0, computing it on first use. The first use of
// a long string is work in proportion to its length; see KeyWork.
func (s *stringObject) hashed() uint32 {
	if s.id != 0 {
		return s.id
	}
	h := uint32(maphash.String(hashSeed, s.s)) | 1
	s.id = h
	return h
}

func (s *stringObject) equal(t *stringObject) bool {
	if s == t {
		return true
	}
	if len(s.s) != len(t.s) || s.id != 0 && t.id != 0 && s.id != t.id {
		return false
	}
	return s.s == t.s
}

// names holds the strings that libraries made with SharedString, so that a
// program's constants are the very keys of the libraries' tables.
var names sync.Map // string -> Value

// nameOf returns the string among names that is s.
func nameOf(s string) (Value, bool) {
	v, ok := names.Load(s)
	if !ok {
		return Value{}, false
	}
	return v.(Value), true
}

// sharedString returns a string that several machines may use at once: hashed
// already, and so never written again.
func sharedString(s string) Value {
	if v, ok := nameOf(s); ok {
		return v
	}
	o := &stringObject{header: header{kind: objString, flags: flagShared}, s: s}
	o.hashed()
	return o.value()
}

// SharedString returns a string that shared tables may hold. It is kept for the
// life of the process: for names that Go code gives, not for a script's.
func SharedString(s string) Value {
	v, _ := names.LoadOrStore(s, sharedString(s))
	return v.(Value)
}

// hashNumber is a keyed multiply-and-fold of f's bits, with 0 and -0 alike.
func hashNumber(f float64) uint32 {
	if f == 0 {
		f = 0
	}
	hi, lo := bits.Mul64(math.Float64bits(f)^numberAdd, numberMix)
	h := hi ^ lo
	return uint32(h>>32) ^ uint32(h)
}

// hashIdentity spreads identities, which are small and consecutive.
func hashIdentity(id uint32) uint32 { return id * 0x9e3779b1 }

// KeyWork is the price of looking k up in a table beyond the instruction that
// does it: a long string is hashed the first time, and compared each time.
func KeyWork(k Value) int64 {
	s := k.str()
	if s == nil || len(s.s) <= int(limits.HashFreeBytes) {
		return 0
	}
	n := int64(len(s.s))
	work := n / limits.BytesPerUnit
	if s.id == 0 {
		work += limits.Units(n, limits.HashBytesPerUnit)
	}
	return work
}

// keyWork charges KeyWork(k).
func (m *Machine) keyWork(k Value) error {
	if n := KeyWork(k); n > 0 {
		return m.work(n)
	}
	return nil
}

// hash returns v's hash as a key; known is false for an object that was never a key
// anywhere, which therefore is a key nowhere.
func (v Value) hash() (h uint32, known bool) {
	switch (*header)(v.p).kind {
	case objString:
		return (*stringObject)(v.p).hashed(), true
	case objNumber:
		return hashNumber(math.Float64frombits(v.n)), true
	case objFalse:
		return 1, true
	case objTrue:
		return 2, true
	}
	id := (*header)(v.p).id
	return hashIdentity(id), id != 0
}
