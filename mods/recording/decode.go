package recording

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// decoder reads a block.
type decoder struct {
	rest     []byte
	interned []string
	values   int
	err      error // the first
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
		d.rest = nil
	}
}

// take returns the next n bytes.
func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.fail("%d bytes are announced where %d are left", n, len(d.rest))
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if b := d.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.fail("there is no whole number")
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) int() int64 {
	n, size := binary.Varint(d.rest)
	if size <= 0 {
		d.fail("there is no whole number")
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// natural reads a whole number that an int64 holds.
func (d *decoder) natural() int64 {
	n := d.uint()
	if n > math.MaxInt64 {
		d.fail("%d is out of range", n)
		return 0
	}
	return int64(n)
}

// count reads how many of something follow, each of which takes a byte at least.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.rest)) {
		d.fail("%d things are announced where %d bytes are left", n, len(d.rest))
		return 0
	}
	if d.values += int(n); d.values > maxValues {
		d.fail("more than %d values", maxValues)
		return 0
	}
	return int(n)
}

func (d *decoder) text() string { return string(d.take(d.uint())) }

func (d *decoder) short() string {
	n := d.uint()
	if n > 0 {
		if n > uint64(len(d.interned)) {
			d.fail("text number %d of %d", n, len(d.interned))
			return ""
		}
		return d.interned[n-1]
	}
	s := d.text()
	if len(s) <= maxShort && len(d.interned) < maxInterned && d.err == nil {
		d.interned = append(d.interned, s)
	}
	return s
}

func (d *decoder) value(depth int) any {
	switch kind := d.byte(); kind {
	case nilValue:
		return nil
	case falseValue:
		return false
	case trueValue:
		return true
	case numberValue:
		return math.Float64frombits(d.uint64())
	case textValue:
		return d.text()
	case listValue, tableValue:
		if depth == maxDepth {
			d.fail("values are nested more than %d deep", maxDepth)
			return nil
		}
		if kind == listValue {
			list := d.list(depth + 1)
			if list == nil {
				list = []any{}
			}
			return list
		}
		table := map[string]any{}
		for n := d.count(); n > 0 && d.err == nil; n-- {
			key := d.text()
			if _, twice := table[key]; twice {
				d.fail("the key %.40q is there twice", key)
			}
			table[key] = d.value(depth + 1)
		}
		return table
	default:
		d.fail("there is no kind of value %d", kind)
		return nil
	}
}

func (d *decoder) list(depth int) []any {
	var list []any
	for n := d.count(); n > 0 && d.err == nil; n-- {
		list = append(list, d.value(depth))
	}
	return list
}

// flags reads as many bits as there are places for.
func (d *decoder) flags(bits ...*bool) {
	packed := d.byte()
	for i, bit := range bits {
		*bit = packed&(1<<i) != 0
	}
	if packed>>len(bits) != 0 {
		d.fail("unknown flags %#x", packed)
	}
}

func (d *decoder) input() (in Input) {
	in.Kind = InputKind(d.byte())
	if in.Kind < Load || in.Kind > Awake {
		d.fail("there is no kind of input %d", in.Kind)
	}
	d.flags(&in.Asks, &in.Failed, &in.Shown, &in.HasValue)
	in.Mod = d.short()
	in.Name = d.short()
	in.Text = d.text()
	in.Number = d.int()
	in.Values = d.list(0)
	for n := d.count(); n > 0 && d.err == nil; n-- {
		in.Mods = append(in.Mods, Bundle{ID: d.short(), Version: d.text(), Digest: d.text()})
	}
	return in
}

func (d *decoder) frame() *Frame {
	f := &Frame{Kind: Kind(d.byte())}
	if f.Kind < Open || f.Kind > Close {
		d.fail("there is no kind of frame %d", f.Kind)
	}
	if f.DT = time.Duration(d.int()); f.DT < 0 {
		d.fail("a tick of %v", f.DT)
	}
	sec, nsec := d.int(), d.uint()
	if nsec >= 1e9 || sec > 1<<50 || sec < -1<<50 { // some 36 million years
		d.fail("a time of day that there is not")
		sec, nsec = 0, 0
	}
	f.Wall = time.Unix(sec, int64(nsec)).UTC()
	if data := d.take(d.uint()); len(data) > 0 {
		f.Data = append(f.Data, data...)
	}
	for n := d.count(); n > 0 && d.err == nil; n-- {
		f.Inputs = append(f.Inputs, d.input())
	}
	for n := d.count(); n > 0 && d.err == nil; n-- {
		f.Store = append(f.Store, d.stored())
	}
	if f.End = End(d.byte()); f.End > Stopped {
		d.fail("there is no end of a frame %d", f.End)
	}
	f.Slices = d.natural()
	for n := d.count(); n > 0 && d.err == nil; n-- {
		f.Mods = append(f.Mods, d.mod())
	}
	d.end()
	return f
}

// end checks that the block is used up.
func (d *decoder) end() {
	if len(d.rest) > 0 {
		d.fail("%d bytes too many", len(d.rest))
	}
}

func (d *decoder) stored() (s Stored) {
	s.Mod = d.short()
	s.Error = d.text()
	for n := d.count(); n > 0 && d.err == nil; n-- {
		if s.Values == nil {
			s.Values = map[string]string{}
		}
		key := d.text()
		s.Values[key] = d.text()
	}
	return s
}

func (d *decoder) mod() (m Mod) {
	m.ID = d.short()
	m.Instructions = d.int()
	m.Memory = d.int()
	m.State = d.uint64()
	if m.More = d.natural(); m.More > 0 {
		m.MoreDigest = d.uint64()
	}
	n := d.count()
	if n > MaxCalls {
		d.fail("%d calls; at most %d", n, MaxCalls)
	}
	var before int64
	for ; n > 0 && d.err == nil; n-- {
		c := HostCall{Function: d.short(), Digest: d.uint32()}
		before += d.int()
		c.Instructions = before
		c.Chunk = d.short()
		c.Line = int32(d.int())
		d.flags(&c.Later, &c.Answer, &c.Failed)
		m.Calls = append(m.Calls, c)
	}
	return m
}

func (d *decoder) header() (h Header) {
	for n := d.count(); n > 0 && d.err == nil; n-- {
		h.Fields = append(h.Fields, Field{Name: d.text(), Value: d.text()})
	}
	d.end()
	return h
}
