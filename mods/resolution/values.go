package resolution

import "math/bits"

// values is a set of what a variable can be. Bit 0 stands for "not there", bit i for
// the i-th newest version, from 1. All sets of one variable have the same length.
type values []uint64

// absent is the bit for "not there".
const absent = 0

func noValues(size int) values { return make(values, (size+63)/64) }

func allValues(size int) values {
	out := noValues(size)
	for i := range out {
		out[i] = ^uint64(0)
	}
	if rest := size % 64; rest != 0 {
		out[len(out)-1] = 1<<rest - 1
	}
	return out
}

func (v values) add(i int)      { v[i/64] |= 1 << (i % 64) }
func (v values) has(i int) bool { return v[i/64]&(1<<(i%64)) != 0 }

func (v values) within(other values) bool {
	for i, word := range v {
		if word&^other[i] != 0 {
			return false
		}
	}
	return true
}

func (v values) meets(other values) bool {
	for i, word := range v {
		if word&other[i] != 0 {
			return true
		}
	}
	return false
}

// bothWithin reports whether what v and other share is in third.
func (v values) bothWithin(other, third values) bool {
	for i, word := range v {
		if word&other[i]&^third[i] != 0 {
			return false
		}
	}
	return true
}

func (v values) and(other values) values {
	out := make(values, len(v))
	for i, word := range v {
		out[i] = word & other[i]
	}
	return out
}

func (v values) or(other values) values {
	out := make(values, len(v))
	for i, word := range v {
		out[i] = word | other[i]
	}
	return out
}

func (v values) without(other values) values {
	out := make(values, len(v))
	for i, word := range v {
		out[i] = word &^ other[i]
	}
	return out
}

// next returns the first member from i on, or -1.
func (v values) next(i int) int {
	for word := i / 64; word < len(v); word++ {
		w := v[word]
		if word == i/64 {
			w &= ^uint64(0) << (i % 64)
		}
		if w != 0 {
			return word*64 + bits.TrailingZeros64(w)
		}
	}
	return -1
}

func (v values) empty() bool { return v.next(0) < 0 }
