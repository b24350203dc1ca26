package gopher

import (
	"fmt"
	"runtime"
	"testing"
)

// What is charged for values in a gopher-lua state is what they take there.
func TestSizes(t *testing.T) {
	list := func(n int) any {
		v := make([]any, n)
		for i := range v {
			v[i] = float64(i) + 0.5
		}
		return v
	}
	names := func(n int) any {
		m := map[string]any{}
		for i := range n {
			m[fmt.Sprint("key", i)] = float64(i) + 0.5
		}
		return m
	}
	mixed := func(n int) any {
		m := map[any]any{}
		for i := range n {
			m[float64(i)+0.5] = true
		}
		return m
	}
	st := newState(&kit{})
	defer st.L.Close()
	for _, tt := range []struct {
		name string
		v    any
	}{
		{"number", 0.5}, {"string", "hello"},
		{"list 0", list(0)}, {"list 1", list(1)}, {"list 10", list(10)}, {"list 1000", list(1000)},
		{"names 1", names(1)}, {"names 2", names(2)}, {"names 9", names(9)}, {"names 100", names(100)}, {"names 1000", names(1000)},
		{"mixed 1", mixed(1)}, {"mixed 9", mixed(9)}, {"mixed 100", mixed(100)}, {"mixed 1000", mixed(1000)},
	} {
		const times = 200
		kept := make([]any, times)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range kept {
			c := &copyIn{st: st}
			v, err := c.value(tt.v)
			if err != nil {
				t.Fatal(err)
			}
			kept[i] = v
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		held := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / times
		made := int64(after.TotalAlloc-before.TotalAlloc) / times
		size := sizeOf(tt.v)
		// What the test itself and the runtime allocate is spread over all copies.
		const others = 8 << 10
		if (held-size)*times > others {
			t.Errorf("%s: %d bytes are held, %d charged", tt.name, held, size)
		}
		t.Logf("%s: charged %d, held %d, allocated %d", tt.name, size, held, made)
		runtime.KeepAlive(kept)
	}
}

// BenchmarkCopyIn is the time that copying takes, and what it is charged.
func BenchmarkCopyIn(b *testing.B) {
	names := map[string]any{}
	for i := range 100 {
		names[fmt.Sprint("key", i)] = float64(i)
	}
	list := make([]any, 100)
	tables := make([]any, 100)
	for i := range list {
		list[i], tables[i] = float64(i), map[string]any{"x": 1.0}
	}
	for _, bb := range []struct {
		name string
		v    any
	}{{"names100", names}, {"list100", list}, {"tables100", tables}} {
		b.Run(bb.name, func(b *testing.B) {
			st := newState(&kit{})
			defer st.L.Close()
			for b.Loop() {
				if _, err := (&copyIn{st: st}).value(bb.v); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(sizeOf(bb.v)/unitBytes), "units")
		})
	}
}
