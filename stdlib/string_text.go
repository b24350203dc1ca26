package stdlib

import (
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// textBuilder collects the pieces of a string that a script's work makes. Each
// piece is charged, and compared with the limit for strings, before room is made
// for it; the pieces stay where they are put, so that in all about twice the
// length of the string is allocated. The zero textBuilder is empty. It must not
// be copied after first use.
type textBuilder struct {
	head   int      // bytes in first
	parts  [][]byte // what follows first; the last one is being filled
	length int
	most   int64 // the most that length may be; 0 while not known
	first  [128]byte
}

const (
	// maxPart is the size in bytes up to which each part is as long as all before it.
	maxPart = 32 << 10
	// sliceHeader is what a part costs beside its bytes.
	sliceHeader = 24
)

// add appends s.
func (t *textBuilder) add(c *vm.Call, s string) error {
	if err := t.room(c, len(s)); err != nil {
		return err
	}
	length := t.length + len(s)
	if t.parts == nil {
		n := copy(t.first[t.head:], s)
		t.head += n
		s = s[n:]
	} else {
		last := &t.parts[len(t.parts)-1]
		n := copy((*last)[len(*last):cap(*last)], s)
		*last = (*last)[:len(*last)+n]
		s = s[n:]
	}
	if s != "" {
		if err := t.grow(c, len(s)); err != nil {
			return err
		}
		last := &t.parts[len(t.parts)-1]
		*last = append(*last, s...)
	}
	t.length = length
	return nil
}

// addBytes appends b.
func (t *textBuilder) addBytes(c *vm.Call, b []byte) error {
	if err := t.room(c, len(b)); err != nil {
		return err
	}
	if t.parts == nil && len(b) <= len(t.first)-t.head {
		t.head += copy(t.first[t.head:], b)
		t.length += len(b)
		return nil
	}
	if n := len(t.parts); n == 0 || len(b) > cap(t.parts[n-1])-len(t.parts[n-1]) {
		if err := t.grow(c, len(b)); err != nil {
			return err
		}
	}
	last := &t.parts[len(t.parts)-1]
	*last = append(*last, b...)
	t.length += len(b)
	return nil
}

// room charges for adding n bytes; it errs if they make the string too long.
func (t *textBuilder) room(c *vm.Call, n int) error {
	total := limits.MulAdd(1, int64(n), int64(t.length))
	if total > t.most {
		if t.most == 0 {
			// A census cannot see t while it grows, so the limit of memory is
			// looked at here too.
			l := c.Machine().Limits()
			t.most = min(l.String, l.Memory)
		}
		if total > t.most {
			return c.ReserveString(int(total)) // which has the error
		}
	}
	return c.Work(limits.StringPiece + int64(n)/limits.BytesPerUnit)
}

// grow begins a new part with room for n bytes.
func (t *textBuilder) grow(c *vm.Call, n int) error {
	size := max(n, min(t.length, maxPart), len(t.first))
	if err := c.Reserve(int64(size) + 2*sliceHeader); err != nil {
		return err
	}
	t.parts = append(t.parts, make([]byte, 0, size))
	return nil
}

// value returns the string, charged; t is used up.
func (t *textBuilder) value(c *vm.Call) (vm.Value, error) {
	switch {
	case t.length == 0:
		return emptyString, nil
	case t.length == 1 && t.parts == nil:
		return singleStrings[t.first[0]], nil
	}
	if err := c.ReserveString(t.length); err != nil {
		return vm.Nil, err
	}
	if t.parts == nil {
		return vm.String(string(t.first[:t.head])), nil
	}
	var s strings.Builder
	s.Grow(t.length)
	s.Write(t.first[:t.head])
	for _, part := range t.parts {
		s.Write(part)
	}
	return vm.String(s.String()), nil
}

// reset makes t empty.
func (t *textBuilder) reset() {
	t.head, t.parts, t.length, t.most = 0, nil, 0, 0
}

// bytes returns what t holds beside itself.
func (t *textBuilder) bytes() int64 {
	n := 2 * sliceHeader * int64(len(t.parts))
	for _, part := range t.parts {
		n += int64(cap(part))
	}
	return n
}
