package vm_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// tableModel is what a table should be: a map, and the keys in the order in which
// they came.
type tableModel struct {
	m       *vm.Machine
	t       *vm.Table
	held    map[string]held
	serial  int
	objects []vm.Value // keys with an identity
}

type held struct {
	key, val vm.Value
	came     int  // when the key was first given a value, since it last had none
	steady   bool // the key was never deleted, so that its place is when it came
}

// keyName is equal for equal keys.
func keyName(k vm.Value) string {
	if f, ok := k.AsNumber(); ok {
		if f == 0 {
			f = 0
		}
		return fmt.Sprintf("n%v", math.Float64bits(f))
	}
	if s, ok := k.AsString(); ok {
		return "s" + s
	}
	return fmt.Sprintf("o%v", k)
}

func newTableModel(t rapid.TB, array, hash int) *tableModel {
	m := vm.New(vm.Config{Limits: generous})
	tab, err := m.NewTable(array, hash)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SetString(m.Globals(), "t", tab.Value()); err != nil {
		t.Fatal(err)
	}
	tm := &tableModel{m: m, t: tab, held: map[string]held{}}
	for range 6 {
		o, err := m.NewTable(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		tm.objects = append(tm.objects, o.Value())
	}
	return tm
}

// keys draws keys that meet each other often, in all their disguises.
func (tm *tableModel) keys() *rapid.Generator[vm.Value] {
	number := func(g *rapid.Generator[int]) *rapid.Generator[vm.Value] { return rapid.Map(g, vm.Int) }
	text := func(format string, n int) *rapid.Generator[vm.Value] {
		return rapid.Map(rapid.IntRange(1, n), func(i int) vm.Value { return vm.String(fmt.Sprintf(format, i)) })
	}
	return rapid.OneOf(
		number(rapid.IntRange(1, 20)),
		number(rapid.IntRange(1, 200)),
		number(rapid.IntRange(-3, 3)),
		rapid.Map(rapid.IntRange(0, 30), func(i int) vm.Value { return vm.Number(math.Ldexp(1, 2*i)) }),
		rapid.SampledFrom([]vm.Value{
			vm.Number(0.5), vm.Number(1.5), vm.Number(math.Copysign(0, -1)), vm.Number(math.Inf(1)), vm.Number(math.Inf(-1)),
			vm.Number(1 << 26), vm.Number(1<<26 + 1), vm.Number(1 << 53), vm.Number(-1 << 63), vm.Number(1e300), vm.Number(5e-324), vm.Number(math.MaxInt32), vm.Number(math.MaxInt32 + 1),
			vm.True, vm.False,
		}),
		text("k%d", 12),
		text("k%d", 100),
		text(strings.Repeat("long ", 20)+"%d", 5),
		rapid.SampledFrom(tm.objects),
	)
}

func (tm *tableModel) set(t *rapid.T, k, v vm.Value) {
	if err := tm.m.RawSet(tm.t, k, v); err != nil {
		t.Fatalf("set %s: %v", keyName(k), err)
	}
	name := keyName(k)
	old, was := tm.held[name]
	if v.IsNil() {
		if was {
			old.val, old.steady = vm.Nil, false
			tm.held[name] = old
		}
		return
	}
	if !was {
		tm.serial++
		tm.held[name] = held{k, v, tm.serial, true}
		return
	}
	old.val = v
	tm.held[name] = old
}

func (tm *tableModel) live() int {
	n := 0
	for _, h := range tm.held {
		if !h.val.IsNil() {
			n++
		}
	}
	return n
}

// integer reports whether k may live in the array part.
func integer(k vm.Value) bool {
	f, ok := k.AsNumber()
	return ok && f >= 1 && f == math.Trunc(f)
}

// check compares all of the table with the model.
func (tm *tableModel) check(t *rapid.T) {
	seen := map[string]bool{}
	var last vm.Value
	came := 0
	for {
		k, v, _, err := tm.t.Next(last)
		if err != nil {
			t.Fatalf("next after %s: %v", keyName(last), err)
		}
		if k.IsNil() {
			break
		}
		name := keyName(k)
		h := tm.held[name]
		if h.val != v || seen[name] {
			t.Fatalf("next gave %s again or with a wrong value", name)
		}
		seen[name] = true
		if h.steady && !integer(k) {
			if h.came < came {
				t.Fatalf("%s comes after a key that is younger", name)
			}
			came = h.came
		}
		last = k
	}
	if len(seen) != tm.live() {
		t.Fatalf("next gave %d keys of %d", len(seen), tm.live())
	}
	for name, h := range tm.held {
		if got := tm.t.Get(h.key); got != h.val {
			t.Fatalf("get %s", name)
		}
	}
	n := tm.t.Len()
	if n > 0 && tm.t.GetInt(n).IsNil() || !tm.t.GetInt(n+1).IsNil() {
		t.Fatalf("%d is no border", n)
	}
}

// TestTableOperations does to a table what scripts do, in any order.
func TestTableOperations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tm := newTableModel(t, rapid.IntRange(0, 10).Draw(t, "array"), rapid.IntRange(0, 20).Draw(t, "hash"))
		keys := tm.keys()
		val := func() vm.Value { tm.serial++; return vm.Int(tm.serial) }
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { tm.check(t) },
			"set": func(t *rapid.T) {
				for range rapid.IntRange(1, 10).Draw(t, "times") {
					tm.set(t, keys.Draw(t, "key"), val())
				}
			},
			"delete": func(t *rapid.T) {
				for range rapid.IntRange(1, 10).Draw(t, "times") {
					tm.set(t, keys.Draw(t, "key"), vm.Nil)
				}
			},
			"append": func(t *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(t, "times") {
					tm.set(t, vm.Int(tm.t.Len()+1), val())
				}
			},
			"pop": func(t *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(t, "times") {
					if n := tm.t.Len(); n > 0 {
						tm.set(t, vm.Int(n), vm.Nil)
					}
				}
			},
			"fill downwards": func(t *rapid.T) {
				for i := rapid.IntRange(1, 70).Draw(t, "from"); i > 0; i-- {
					tm.set(t, vm.Int(i), val())
				}
			},
			"queue": func(t *rapid.T) {
				for i := range rapid.IntRange(1, 100).Draw(t, "times") {
					k := vm.Number(float64(i) + 0.25)
					tm.set(t, k, val())
					tm.set(t, k, vm.Nil)
				}
			},
			"traverse, deleting and changing": func(t *rapid.T) {
				deleting := rapid.SliceOfN(rapid.IntRange(0, 2), 1, 8).Draw(t, "deleting")
				census := rapid.Bool().Draw(t, "census")
				before := tm.live()
				n := 0
				for k := vm.Nil; ; n++ {
					next, _, _, err := tm.t.Next(k)
					if err != nil {
						t.Fatal(err)
					}
					if next.IsNil() {
						break
					}
					k = next
					switch deleting[n%len(deleting)] {
					case 1:
						tm.set(t, k, vm.Nil)
					case 2:
						tm.set(t, k, val())
					}
					if census {
						// A script's loop holds the key that it is at.
						if err := tm.m.SetString(tm.m.Globals(), "at", k); err != nil {
							t.Fatal(err)
						}
						tm.m.Census()
					}
				}
				if n != before {
					t.Fatalf("%d keys visited of %d", n, before)
				}
			},
			"clear": func(t *rapid.T) {
				for _, h := range tm.held {
					tm.set(t, h.key, vm.Nil)
				}
				if k, _, _, err := tm.t.Next(vm.Nil); !k.IsNil() || err != nil {
					t.Fatal("an empty table is not empty")
				}
				if tm.t.Len() != 0 {
					t.Fatalf("its length is %d", tm.t.Len())
				}
			},
			"census": func(t *rapid.T) { tm.m.Census() },
			"bad keys": func(t *rapid.T) {
				for _, k := range []vm.Value{vm.Nil, vm.Number(math.NaN())} {
					if !tm.t.Get(k).IsNil() {
						t.Fatal("a value at a key that cannot be")
					}
					for _, v := range []vm.Value{vm.Nil, vm.True} {
						if err := tm.m.RawSet(tm.t, k, v); err == nil {
							t.Fatal("a key that cannot be was taken")
						}
					}
				}
				if _, _, _, err := tm.t.Next(vm.String("never a key")); err == nil {
					t.Fatal("next after a key that was never there")
				}
			},
		})
	})
}

// TestTableMigration moves keys between the array part and the hash part.
func TestTableMigration(t *testing.T) {
	tm := newTableModel(t, 0, 0)
	m, tab := tm.m, tm.t
	set := func(i int, v vm.Value) {
		t.Helper()
		if err := m.SetInt(tab, i, v); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1000; i >= 1; i-- {
		set(i, vm.Int(i))
	}
	if err := m.SetString(tab, "x", vm.True); err != nil {
		t.Fatal(err)
	}
	for i := range 600 { // makes room run out, and the parts be divided anew
		if err := m.RawSet(tab, vm.Number(float64(i)+0.5), vm.True); err != nil {
			t.Fatal(err)
		}
	}
	if array, _ := tab.Size(); array < 1000 {
		t.Errorf("1000 of the keys 1..1000 are set, and the array part has %d slots", array)
	}
	for i := 1; i <= 1000; i++ {
		if got := tab.GetInt(i); got != vm.Int(i) {
			t.Fatalf("t[%d] is lost", i)
		}
	}
	for i := 17; i <= 1000; i++ {
		set(i, vm.Nil)
	}
	for i := range 2000 {
		if err := m.RawSet(tab, vm.Number(float64(i)+0.75), vm.True); err != nil {
			t.Fatal(err)
		}
	}
	if array, _ := tab.Size(); array > 32 {
		t.Errorf("16 of the keys 1..1000 are left, and the array part has %d slots", array)
	}
	if tab.Len() != 16 {
		t.Errorf("length %d", tab.Len())
	}
}

// TestSparseTables: a few far keys cost a few entries, whatever their order.
func TestSparseTables(t *testing.T) {
	for name, keys := range map[string][]int{
		"one":       {1<<26 - 1},
		"powers":    {1, 2, 4, 8, 16, 32, 1 << 10, 1 << 15, 1 << 20, 1 << 25, 1 << 26, 1 << 30, 1 << 31, 1 << 40, 1 << 52},
		"backwards": {1 << 26, 1 << 25, 1 << 20, 1 << 10, 3, 2, 1},
		"negative":  {-1, -2, -1 << 40, 0},
	} {
		t.Run(name, func(t *testing.T) {
			tm := newTableModel(t, 0, 0)
			for i, k := range keys {
				if err := tm.m.SetInt(tm.t, k, vm.Int(i)); err != nil {
					t.Fatal(err)
				}
			}
			for i, k := range keys {
				if tm.t.GetInt(k) != vm.Int(i) {
					t.Errorf("t[%d] is lost", k)
				}
			}
			if array, hash := tm.t.Size(); array > 64 || hash > len(keys) {
				t.Errorf("%d keys take %d slots and %d entries", len(keys), array, hash)
			}
			if n := tm.t.Len(); n > 0 && tm.t.GetInt(n).IsNil() || !tm.t.GetInt(n+1).IsNil() {
				t.Errorf("%d is no border", n)
			}
		})
	}
}

// TestNextIsCheap: a queue and a stack of keys, and a table that was emptied, do
// not make next walk over what was deleted each time.
func TestNextIsCheap(t *testing.T) {
	for name, text := range map[string]string{
		"queue":   `local t = {} for i = 1, %d do t["k" .. i] = i end for i = 1, %[1]d do local k = next(t) t[k] = nil end assert(next(t) == nil)`,
		"rolling": `local t = {} for i = 1, %d do t["k" .. i] = i t["k" .. i - 5] = nil next(t) end`,
		"emptied": `local t = {} for i = 1, %d do t["k" .. i] = i end for k in pairs(t) do t[k] = nil end for i = 1, %[1]d do next(t) end`,
	} {
		t.Run(name, func(t *testing.T) {
			cost := func(n int) int64 {
				return spend(t, "next.lua", fmt.Sprintf(text, n), generous, limits.Unlimited).used
			}
			small, large := cost(2000), cost(8000)
			if large > 6*small {
				t.Errorf("%d instructions for 2000 keys, %d for 8000", small, large)
			}
		})
	}
}

// TestNextIsCharged: what next does walk over is paid for.
func TestNextIsCharged(t *testing.T) {
	const slots, times = 8000, 80
	text := fmt.Sprintf(`local t = {} for i = 1, %d do t[i] = i end for k in pairs(t) do t[k] = nil end for i = 1, %d do next(t) end`, slots, times)
	if used := spend(t, "next.lua", text, generous, limits.Unlimited).used; used < slots*times/limits.TableSlotMove {
		t.Errorf("%d instructions for %d steps over %d empty slots", used, times, slots)
	}
}

// TestBorrowedTables: a library's table is shared until it is written to, by any
// of the ways in which one writes.
func TestBorrowedTables(t *testing.T) {
	var pairs []vm.Pair
	for i := range 30 {
		pairs = append(pairs, vm.Pair{Name: fmt.Sprintf("name%d", i), Value: vm.Int(i)})
	}
	shared := vm.NewShared(pairs)
	writes := map[string]string{
		"field":       `lib.name3 = "changed"`,
		"new field":   `lib.fresh = "changed"`,
		"delete":      `lib.name3 = nil`,
		"delete none": `lib.none = nil`,
		"index":       `lib["name" .. 3] = "changed"`,
		"number":      `lib[1] = "changed"`,
		"rawset":      `rawset(lib, "name3", "changed")`,
		"insert":      `table.insert(lib, "changed") table.insert(lib, 1, "first") table.remove(lib)`,
		"environment": `setfenv(1, lib) name3 = "changed" fresh = 1`,
		"traversal":   `for k in pairs(lib) do lib[k] = nil end next(lib)`,
		"setmeta":     `setmetatable(lib, {__mode = "kv", __index = function() end}) local x = #lib, lib.none`,
		"newindex":    `setmetatable(lib, {__newindex = function(t, k, v) rawset(t, k, v) end}) lib.name3 = 1 lib.q = 2`,
		"sort":        `for i = 1, 20 do lib[i] = -i end table.sort(lib)`,
		"many":        `for i = 1, 1000 do lib["x" .. i] = i lib[i] = i end`,
	}
	want := dump(shared.Table())
	for name, text := range writes {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, generous, nil)
			mine, other := m.Borrow(shared), m.Borrow(shared)
			for n, tab := range map[string]*vm.Table{"lib": mine, "other": other} {
				if err := m.SetString(m.Globals(), n, tab.Value()); err != nil {
					t.Fatal(err)
				}
			}
			_, err := call(t, m, text)
			if err != nil {
				t.Fatal(err)
			}
			m.Census()
			if got := dump(shared.Table()); !slices.Equal(got, want) {
				t.Errorf("the shared table changed:\n%v\n%v", want, got)
			}
			if got := dump(other); !slices.Equal(got, want) {
				t.Errorf("another borrower's table changed:\n%v\n%v", want, got)
			}
			// The control: the writer sees what it wrote.
			if changed := !slices.Equal(dump(mine), want); changed == (name == "delete none" || name == "setmeta") {
				t.Errorf("the writer's table changed: %v", changed)
			}
			if _, err := call(t, m, `local n = 0 for k, v in pairs(other) do n = n + v end assert(n == 435 and other.name3 == 3)`); err != nil {
				t.Error(err)
			}
		})
	}
	m := newMachine(t, generous, nil)
	if err := m.SetString(m.Globals(), "lib", shared.Table().Value()); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`lib.name3 = 1`, `lib.x = 1`, `rawset(lib, "x", 1)`, `lib[1] = 1`, `setmetatable(lib, {})`, `table.insert(lib, 1)`, `setfenv(1, lib) x = 1`} {
		if _, err := call(t, m, text); err == nil {
			t.Errorf("%s: a shared table was written to", text)
		}
	}
	if got := dump(shared.Table()); !slices.Equal(got, want) {
		t.Errorf("the shared table changed")
	}
}

func dump(t *vm.Table) (out []string) {
	var k vm.Value
	for {
		next, v, _, err := t.Next(k)
		if err != nil || next.IsNil() {
			return out
		}
		k = next
		out = append(out, keyName(k)+"="+keyName(v))
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
