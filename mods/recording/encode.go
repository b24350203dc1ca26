package recording

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
)

// The bounds of what is in a block.
const (
	maxDepth    = 100     // of values inside each other
	maxShort    = 256     // bytes of a text that can be called by its number
	maxInterned = 1 << 12 // of those
	maxValues   = 2 << 20 // in a block: all that is counted there
)

// The kinds of values.
const (
	nilValue byte = iota
	falseValue
	trueValue
	numberValue
	textValue
	listValue
	tableValue
)

// encoder appends to a block.
type encoder struct {
	buf      []byte
	interned map[string]int
	values   int
	err      error
}

func (e *encoder) byte(b byte)   { e.buf = append(e.buf, b) }
func (e *encoder) uint(n uint64) { e.buf = binary.AppendUvarint(e.buf, n) }
func (e *encoder) int(n int64)   { e.buf = binary.AppendVarint(e.buf, n) }

// count writes how many of something follow.
func (e *encoder) count(n int) {
	e.uint(uint64(n))
	e.values += n
}

func (e *encoder) text(s string) {
	e.uint(uint64(len(s)))
	e.buf = append(e.buf, s...)
}

// short is text for what comes again.
func (e *encoder) short(s string) {
	if n, ok := e.interned[s]; ok {
		e.uint(uint64(n) + 1)
		return
	}
	e.uint(0)
	e.text(s)
	if len(s) <= maxShort && len(e.interned) < maxInterned {
		e.interned[s] = len(e.interned)
	}
}

func (e *encoder) value(v any, depth int) {
	switch v := v.(type) {
	case nil:
		e.byte(nilValue)
	case bool:
		if v {
			e.byte(trueValue)
		} else {
			e.byte(falseValue)
		}
	case float64:
		e.byte(numberValue)
		e.buf = binary.LittleEndian.AppendUint64(e.buf, math.Float64bits(v))
	case string:
		e.byte(textValue)
		e.text(v)
	case []any, map[string]any:
		if depth == maxDepth {
			e.fail("values are nested more than %d deep", maxDepth)
			return
		}
		if list, ok := v.([]any); ok {
			e.byte(listValue)
			e.list(list, depth+1)
			return
		}
		table := v.(map[string]any)
		e.byte(tableValue)
		e.count(len(table))
		for _, key := range slices.Sorted(maps.Keys(table)) {
			e.text(key)
			e.value(table[key], depth+1)
		}
	default:
		e.fail("a %T is not a plain value", v)
	}
}

func (e *encoder) list(values []any, depth int) {
	e.count(len(values))
	for _, v := range values {
		e.value(v, depth)
	}
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
}

// flags packs up to eight bits.
func flags(bits ...bool) (packed byte) {
	for i, bit := range bits {
		if bit {
			packed |= 1 << i
		}
	}
	return packed
}

func (e *encoder) input(in *Input) {
	e.byte(byte(in.Kind))
	e.byte(flags(in.Asks, in.Failed, in.Shown, in.HasValue))
	e.short(in.Mod)
	e.short(in.Name)
	e.text(in.Text)
	e.int(in.Number)
	e.list(in.Values, 0)
	e.count(len(in.Mods))
	for _, m := range in.Mods {
		e.short(m.ID)
		e.text(m.Version)
		e.text(m.Digest)
	}
}

func (e *encoder) frame(f *Frame) {
	e.byte(byte(f.Kind))
	e.int(int64(f.DT))
	e.int(f.Wall.Unix())
	e.uint(uint64(f.Wall.Nanosecond()))
	e.text(string(f.Data))
	e.count(len(f.Inputs))
	for i := range f.Inputs {
		e.input(&f.Inputs[i])
	}
	e.count(len(f.Store))
	for i := range f.Store {
		e.stored(&f.Store[i])
	}
	e.byte(byte(f.End))
	e.uint(uint64(f.Slices))
	e.count(len(f.Mods))
	for i := range f.Mods {
		e.mod(&f.Mods[i])
	}
}

func (e *encoder) stored(s *Stored) {
	e.short(s.Mod)
	e.text(s.Error)
	e.count(len(s.Values))
	for _, key := range slices.Sorted(maps.Keys(s.Values)) {
		e.text(key)
		e.text(s.Values[key])
	}
}

func (e *encoder) mod(m *Mod) {
	e.short(m.ID)
	e.int(m.Instructions)
	e.int(m.Memory)
	e.buf = binary.LittleEndian.AppendUint64(e.buf, m.State)
	e.uint(uint64(m.More))
	if m.More > 0 {
		e.buf = binary.LittleEndian.AppendUint64(e.buf, m.MoreDigest)
	}
	e.count(len(m.Calls))
	var before int64
	for i := range m.Calls {
		c := &m.Calls[i]
		e.short(c.Function)
		e.buf = binary.LittleEndian.AppendUint32(e.buf, c.Digest)
		e.int(c.Instructions - before)
		before = c.Instructions
		e.short(c.Chunk)
		e.int(int64(c.Line))
		e.byte(flags(c.Later, c.Answer, c.Failed))
	}
}

func (e *encoder) header(h Header) {
	e.count(len(h.Fields))
	for _, f := range h.Fields {
		e.text(f.Name)
		e.text(f.Value)
	}
}
