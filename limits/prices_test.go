package limits_test

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
)

// instructionNs is what one plain instruction of the machine is taken to cost.
const instructionNs = 2.5

// These keep the compiler from removing what is measured.
var (
	sinkBytes  []byte
	sinkInt    int
	sinkUint   uint64
	sinkFloat  float64
	sinkBool   bool
	sinkThread *thread
	sinkValues []value
)

// value has the size and the pointer of a Lua value, so that copying it pays
// for the collector's write barrier.
type value struct {
	p *int
	n uint64
}

// BenchmarkPrice measures the primitive behind each price in plain Go and
// reports how many plain instructions one charged instruction's worth of it
// takes: at 1.00 the price is exact, above it the work is too cheap. Run it
// with
//
//	go test -run '^$' -bench Price -count 5 ./limits
func BenchmarkPrice(b *testing.B) {
	// measure runs op, which does work worth units instructions.
	measure := func(name string, units int64, op func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				op()
			}
			perUnit := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(units)
			b.ReportMetric(perUnit, "ns/unit")
			b.ReportMetric(perUnit/instructionNs, "instr/unit")
		})
	}

	seed, name := maphash.MakeSeed(), strings.Repeat("n", 1<<10)
	for _, size := range []int{1 << 10, 64 << 10, 8 << 20} {
		src, dst := bytes.Repeat([]byte("x"), size), make([]byte, size)
		other := bytes.Clone(src)
		measure(fmt.Sprintf("BytesPerUnit/copy/%d", size), limits.Units(int64(size), limits.BytesPerUnit), func() {
			copy(dst, src)
		})
		measure(fmt.Sprintf("BytesPerUnit/equal/%d", size), limits.Units(int64(size), limits.BytesPerUnit), func() {
			sinkBool = bytes.Equal(src, other)
		})
		measure(fmt.Sprintf("BytesPerUnit/indexByte/%d", size), limits.Units(int64(size), limits.BytesPerUnit), func() {
			sinkInt = bytes.IndexByte(src, 'y')
		})
		measure(fmt.Sprintf("AllocBytesPerUnit/one/%d", size), limits.Units(int64(size), limits.AllocBytesPerUnit), func() {
			sinkBytes = make([]byte, size)
		})
		measure(fmt.Sprintf("ByteStepsPerUnit/upper/%d", size), limits.Units(int64(size), limits.ByteStepsPerUnit), func() {
			for i, c := range src {
				if 'a' <= c && c <= 'z' {
					c -= 'a' - 'A'
				}
				dst[i] = c
			}
		})
		measure(fmt.Sprintf("HashBytesPerUnit/maphash/%d", size), limits.Units(int64(size), limits.HashBytesPerUnit), func() {
			sinkUint = maphash.Bytes(seed, src)
		})
	}
	measure("HashFreeBytes/maphash", limits.PerInstruction, func() {
		sinkUint = maphash.String(seed, name[:limits.HashFreeBytes])
	})
	measure("AllocObject/64 bytes", limits.AllocObject+limits.Units(64, limits.AllocBytesPerUnit), func() {
		sinkBytes = make([]byte, 64)
	})
	measure("AllocObject/table", limits.AllocObject+limits.Units(limits.TableHeader, limits.AllocBytesPerUnit), func() {
		sinkValues = make([]value, limits.TableHeader/limits.ValueBytes)
	})

	for _, slots := range []int{64, 64 << 10} {
		from, to := make([]value, slots), make([]value, slots)
		for i := range from {
			from[i] = value{p: new(int)}
		}
		measure(fmt.Sprintf("TableSlotMove/%d", slots), limits.Units(int64(slots), limits.TableSlotMove), func() {
			copy(to, from)
		})
	}
	for _, n := range []int{1 << 6, 1 << 14} {
		small := newProbe(n)
		measure(fmt.Sprintf("TableRehash/%d", n), int64(n)*limits.TableRehash, func() {
			sinkInt = len(small.grown().entries)
		})
	}

	floats := randomFloats(1 << 10)
	text := make([]string, len(floats))
	for i, f := range floats {
		text[i] = strconv.FormatFloat(f, 'g', 17, 64)
	}
	buf := make([]byte, 0, 64)
	at := 0
	next := func() int { at = (at + 1) % len(floats); return at }
	measure("NumberToString/%.14g", limits.NumberToString, func() {
		sinkBytes = strconv.AppendFloat(buf, floats[next()], 'g', 14, 64)
	})
	measure("NumberToString/integer", limits.NumberToString, func() {
		sinkBytes = strconv.AppendInt(buf, int64(next()), 10)
	})
	measure("StringToNumber/17 digits", limits.StringToNumber, func() {
		sinkFloat, _ = strconv.ParseFloat(text[next()], 64)
	})
	for _, f := range []float64{1e15 / 7, math.MaxFloat64 / 7, 1e-290 / 7} {
		for _, verb := range []byte("feg") {
			_, exp := math.Frexp(f)
			measure(fmt.Sprintf("FormatPerBit/%%.99%c of %.2g", verb, f), limits.Format+limits.NumberToString+int64(max(exp, -exp))*limits.FormatPerBit, func() {
				sinkBytes = strconv.AppendFloat(buf, f, verb, 99, 64)
			})
		}
	}
	for _, digits := range []int{100, 700, 10_000} {
		long := strings.Repeat("9007199254740993", digits/16+1)[:digits] + "e-300"
		measure(fmt.Sprintf("NumberByte/%d digits", digits), limits.StringToNumber+int64(len(long))*limits.NumberByte, func() {
			sinkFloat, _ = strconv.ParseFloat(long, 64)
		})
	}
	measure("MathCall/sin", limits.MathCall, func() { sinkFloat = math.Sin(floats[next()]) })
	measure("MathCall/pow", limits.MathCall, func() { sinkFloat = math.Pow(1.000001, float64(next())) })
	measure("FmodPerBit", limits.MathCall+27*limits.FmodPerBit, func() { sinkFloat = math.Mod(1e9+float64(next()), 7.25) })
	measure("FmodPerBit/worst", limits.MathCall+1022*limits.FmodPerBit, func() { sinkFloat = math.Mod(math.MaxFloat64, 3+float64(next())) })

	order := make([]value, 1<<12)
	for i := range order {
		order[i] = value{n: rand.Uint64()}
	}
	scratch := make([]value, len(order))
	compares := int64(0)
	slices.SortFunc(slices.Clone(order), func(x, y value) int { compares++; return compareValues(x, y) })
	measure("SortCompare", compares*limits.SortCompare, func() {
		copy(scratch, order)
		slices.SortFunc(scratch, compareValues)
	})

	for _, n := range []int{1 << 6, 1 << 12, 1 << 18} {
		table := newProbe(n)
		measure(fmt.Sprintf("HashLookup/%d", n), int64(n)*limits.HashLookup, func() {
			for i := range uint64(n) {
				sinkInt += table.find(i)
			}
		})
	}

	subject := strings.Repeat("a1_ ", 1<<10)
	measure("PatternStep", int64(len(subject))*limits.PatternStep, func() {
		sinkInt = countClass(subject, "%w_")
	})

	call := reflect.ValueOf(func(x float64, s string) (float64, error) { return x + float64(len(s)), nil })
	args := []reflect.Value{reflect.ValueOf(1.5), reflect.ValueOf("name")}
	measure("HostCall/reflect", limits.HostCall, func() { sinkFloat = call.Call(args)[0].Float() })

	measure("CoroutineCreate", limits.CoroutineCreate, func() {
		sinkThread = &thread{
			stack:  make([]value, (limits.ThreadBytes-threadHeader-limits.FrameBytes)/limits.ValueBytes),
			frames: make([][limits.FrameBytes]byte, 1),
		}
	})
}

const threadHeader = 64

type thread struct {
	stack  []value
	frames [][limits.FrameBytes]byte
	_      [threadHeader - 48]byte
}

func compareValues(x, y value) int {
	a, b := float64(x.n), float64(y.n)
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func randomFloats(n int) []float64 {
	r := rand.New(rand.NewPCG(1, 2))
	floats := make([]float64, n)
	for i := range floats {
		floats[i] = math.Ldexp(r.Float64(), r.IntN(600)-300)
	}
	return floats
}

// probe is an index of entries with linear probing, as a table's hash part.
type probe struct {
	index   []int32 // positions in entries, 0 for free; its length is a power of two
	entries []entry // the first is not used
}

type entry struct {
	key, _ value
	hash   uint64
}

func newProbe(n int) *probe {
	p := &probe{index: make([]int32, 2*n), entries: make([]entry, 1, n+1)}
	for key := range uint64(n) {
		p.insert(entry{key: value{n: key}, hash: key})
	}
	return p
}

// grown returns a copy of p with room for twice the entries.
func (p *probe) grown() *probe {
	bigger := &probe{index: make([]int32, 2*len(p.index)), entries: make([]entry, 1, len(p.index)+1)}
	for _, e := range p.entries[1:] {
		bigger.insert(e)
	}
	return bigger
}

func (p *probe) slot(hash uint64) int {
	hash ^= hash >> 29
	hash *= 0x9E3779B97F4A7C15
	return int(hash >> 32 & uint64(len(p.index)-1))
}

func (p *probe) insert(e entry) {
	s := p.slot(e.hash)
	for p.index[s] != 0 {
		s = (s + 1) & (len(p.index) - 1)
	}
	p.index[s] = int32(len(p.entries))
	p.entries = append(p.entries, e)
}

func (p *probe) find(key uint64) int {
	for s := p.slot(key); p.index[s] != 0; s = (s + 1) & (len(p.index) - 1) {
		if e := &p.entries[p.index[s]]; e.hash == key && e.key.n == key {
			return int(p.index[s])
		}
	}
	return -1
}

// countClass is the inner step of a pattern matcher: one byte against a set
// that is interpreted each time.
func countClass(s, set string) int {
	n := 0
	for i := range len(s) {
		if inSet(s[i], set) {
			n++
		}
	}
	return n
}

//go:noinline
func inSet(c byte, set string) bool {
	for i := 0; i < len(set); i++ {
		if set[i] == '%' && i+1 < len(set) {
			i++
			switch set[i] {
			case 'w':
				if c|0x20-'a' < 26 || c-'0' < 10 {
					return true
				}
			case 'd':
				if c-'0' < 10 {
					return true
				}
			}
			continue
		}
		if set[i] == c {
			return true
		}
	}
	return false
}
