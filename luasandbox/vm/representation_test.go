package vm

import "testing"

// The representations of a Lua value that RATIONALE.md compares, doing what a
// register machine does most: arithmetic over its 256 registers, and moving 65,536 values.
//
//	go test -run '^$' -bench Representation -count 5 ./luasandbox/vm

// tagged is the representation without unsafe that does not box numbers: an
// interface for the type and the object, and the number beside it.
type tagged struct {
	o any
	n float64
}

type numberKind struct{ _ byte }

var taggedNumber any = &numberKind{}

var (
	sinkValues [window]Value
	sinkTagged [window]tagged
	sinkBoxed  [window]any
	notNumbers int
)

func BenchmarkRepresentation(b *testing.B) {
	for i := range window {
		sinkValues[i] = Number(float64(i) + 0.5)
		sinkTagged[i] = tagged{taggedNumber, float64(i) + 0.5}
		sinkBoxed[i] = float64(i) + 0.5
	}
	b.Run("arithmetic/pointer-and-bits", func(b *testing.B) {
		r := &sinkValues
		for b.Loop() {
			for i := range window {
				x, y := &r[uint8(i)], &r[uint8(i+1)]
				if x.isNumber() && y.isNumber() {
					r[uint8(i+128)].setNumber(x.num() - y.num())
				} else {
					notNumbers++
				}
			}
		}
	})
	b.Run("arithmetic/interface-and-number", func(b *testing.B) {
		r := &sinkTagged
		for b.Loop() {
			for i := range window {
				x, y := &r[uint8(i)], &r[uint8(i+1)]
				_, ok1 := x.o.(*numberKind)
				_, ok2 := y.o.(*numberKind)
				if ok1 && ok2 {
					z := &r[uint8(i+128)]
					if _, ok := z.o.(*numberKind); !ok {
						z.o = taggedNumber
					}
					z.n = x.n - y.n
				} else {
					notNumbers++
				}
			}
		}
	})
	b.Run("arithmetic/interface", func(b *testing.B) {
		b.ReportAllocs()
		r := &sinkBoxed
		for b.Loop() {
			for i := range window {
				x, ok1 := r[uint8(i)].(float64)
				y, ok2 := r[uint8(i+1)].(float64)
				if ok1 && ok2 {
					r[uint8(i+128)] = x - y
				} else {
					notNumbers++
				}
			}
		}
	})

	const n = 1 << 16
	values, taggeds, boxed := make([]Value, 2*n), make([]tagged, 2*n), make([]any, 2*n)
	for i := range n {
		values[i], taggeds[i], boxed[i] = sinkValues[uint8(i)], sinkTagged[uint8(i)], sinkBoxed[uint8(i)]
	}
	b.Run("move/pointer-and-bits", func(b *testing.B) {
		for b.Loop() {
			for i := range n {
				values[n+i] = values[i]
			}
		}
	})
	b.Run("move/interface-and-number", func(b *testing.B) {
		for b.Loop() {
			for i := range n {
				taggeds[n+i] = taggeds[i]
			}
		}
	})
	b.Run("move/interface", func(b *testing.B) {
		for b.Loop() {
			for i := range n {
				boxed[n+i] = boxed[i]
			}
		}
	})
}
