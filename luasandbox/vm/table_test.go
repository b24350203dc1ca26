package vm_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// modelKey is a key as a Go map can hold it.
type modelKey struct {
	n float64
	s string
}

func (k modelKey) value() vm.Value {
	if k.s != "" {
		return vm.String(k.s) // a new object each time: tables compare bytes
	}
	return vm.Number(k.n)
}

// TestTableModel does random things to a table and to a Go map, and expects the
// same of both: what a key has, which keys there are when the table is walked, and
// that Len is a border.
func TestTableModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := vm.New(vm.Config{Limits: limits.Limits{Memory: limits.Unlimited}})
		tab, err := m.NewTable(rapid.IntRange(0, 9).Draw(t, "array"), rapid.IntRange(0, 9).Draw(t, "hash"))
		if err != nil {
			t.Fatal(err)
		}
		model := map[modelKey]float64{}
		key := rapid.OneOf(
			rapid.Map(rapid.IntRange(-2, 40), func(i int) modelKey { return modelKey{n: float64(i)} }),
			rapid.Map(rapid.SampledFrom([]float64{0.5, 1e15, -1e300, 1 << 26, 1<<26 + 1, 1 << 53, math.Inf(1), 2.5}), func(f float64) modelKey { return modelKey{n: f} }),
			rapid.Map(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "1", "a long key of more than thirty-two bytes"}), func(s string) modelKey { return modelKey{s: s} }),
		)
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			k := key.Draw(t, "key")
			switch rapid.IntRange(0, 9).Draw(t, "do") {
			case 0, 1, 2, 3, 4:
				n := float64(rapid.IntRange(0, 99).Draw(t, "n"))
				model[k] = n
				err = m.RawSet(tab, k.value(), vm.Number(n))
			case 5, 6, 7:
				delete(model, k)
				err = m.RawSet(tab, k.value(), vm.Nil)
			case 8: // append, as scripts do
				k = modelKey{n: float64(tab.Len() + 1)}
				model[k] = 1
				err = m.RawSet(tab, k.value(), vm.Number(1))
			case 9: // clear while walking: assigning nil during a walk is allowed
				for at := vm.Nil; ; {
					next, _, _, err := tab.Next(at)
					if err != nil {
						t.Fatal(err)
					}
					if next.IsNil() {
						break
					}
					if n, ok := next.AsNumber(); ok && n > 20 {
						delete(model, modelKey{n: n})
						if err := m.RawSet(tab, next, vm.Nil); err != nil {
							t.Fatal(err)
						}
					}
					at = next
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			want, ok := model[k]
			got, isNumber := tab.Get(k.value()).AsNumber()
			if ok != isNumber || ok && got != want {
				t.Fatalf("key %v: %v, want %v, %v", k, tab.Get(k.value()), want, ok)
			}
		}
		walked := map[modelKey]float64{}
		for at := vm.Nil; ; {
			next, v, _, err := tab.Next(at)
			if err != nil {
				t.Fatal(err)
			}
			if next.IsNil() {
				break
			}
			var k modelKey
			k.s, _ = next.AsString()
			k.n, _ = next.AsNumber()
			if _, twice := walked[k]; twice {
				t.Fatalf("key %v comes twice", k)
			}
			walked[k], _ = v.AsNumber()
			at = next
		}
		if diff := cmp.Diff(model, walked, cmp.AllowUnexported(modelKey{})); diff != "" {
			t.Fatal(diff)
		}
		n := tab.Len()
		if n > 0 && tab.GetInt(n).IsNil() || !tab.GetInt(n+1).IsNil() {
			t.Fatalf("Len %d is no border", n)
		}
	})
}

// TestTableKeys has the keys that are none, and those that are one.
func TestTableKeys(t *testing.T) {
	m := vm.New(vm.Config{})
	tab, err := m.NewTable(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []vm.Value{vm.Nil, vm.Number(math.NaN())} {
		if err := m.RawSet(tab, k, vm.True); err == nil {
			t.Errorf("%v was taken for a key", k.Kind())
		}
		if v := tab.Get(k); !v.IsNil() {
			t.Errorf("%v has a value", k.Kind())
		}
	}
	if err := m.RawSet(tab, vm.Number(math.Copysign(0, -1)), vm.True); err != nil {
		t.Fatal(err)
	}
	if b, _ := tab.Get(vm.Number(0)).AsBool(); !b {
		t.Error("-0 and 0 should be one key")
	}
	tab.SetReadOnly()
	if err := m.RawSet(tab, vm.Number(1), vm.True); err == nil {
		t.Error("a read-only table was written")
	}
}

// A queue that moves through the integers holds few elements, and so little memory.
func TestQueueStaysSmall(t *testing.T) {
	m := vm.New(vm.Config{})
	tab, err := m.NewTable(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 200_000; i++ {
		if err := m.SetInt(tab, i, vm.True); err != nil {
			t.Fatal(err)
		}
		if i > 10 {
			if err := m.SetInt(tab, i-10, vm.Nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if array, hash := tab.Size(); array+hash > 100 {
		t.Errorf("ten elements take %d slots and %d entries", array, hash)
	}
}
