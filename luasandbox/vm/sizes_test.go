package vm

import (
	"fmt"
	"reflect"
	"runtime"
	"testing"

	"github.com/luasandbox/modrunner/limits"
)

// sizeClasses are those of Go's allocator for small objects
// (runtime/internal/gc/sizeclasses.go), as far as they are needed here.
var sizeClasses = []uintptr{8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384, 416, 448, 480, 512}

// allocated returns what the allocator takes for one object of type T.
func allocated[T any]() int64 {
	n := reflect.TypeFor[T]().Size()
	for _, class := range sizeClasses {
		if n <= class {
			return int64(class)
		}
	}
	return int64(n)
}

// TestSizes compares the sizes that scripts are charged with those of the
// structures that Go allocates for them.
func TestSizes(t *testing.T) {
	for _, tt := range []struct {
		name    string
		charged int64
		held    int64
	}{
		{"ValueBytes", limits.ValueBytes, int64(reflect.TypeFor[Value]().Size())},
		{"StringHeader", limits.StringHeader, allocated[stringObject]()},
		{"TableHeader", limits.TableHeader, allocated[Table]()},
		{"HashEntry", limits.HashEntry, int64(reflect.TypeFor[entry]().Size())},
		{"IndexSlot", limits.IndexSlot, int64(reflect.TypeFor[int32]().Size())},
		{"ClosureHeader of a closure", limits.ClosureHeader, allocated[Closure]()},
		{"ClosureHeader of a native function", limits.ClosureHeader, allocated[Native]()},
		{"ClosureHeader of a handle", limits.ClosureHeader, allocated[Userdata]()},
		{"UpvalueBytes", limits.UpvalueBytes, allocated[upvalue]()},
		{"ThreadBytes", limits.ThreadBytes, allocated[Thread]()},
		{"FrameBytes", limits.FrameBytes, int64(reflect.TypeFor[frame]().Size())},
	} {
		if tt.charged < tt.held {
			t.Errorf("%s: %d bytes are charged, %d allocated", tt.name, tt.charged, tt.held)
		}
	}
}

// TestHeapPerObject makes many objects of each kind, held by a table, and compares
// what the heap grew by with what was charged, and with what a census finds.
func TestHeapPerObject(t *testing.T) {
	const n = 20_000
	for name, text := range map[string]string{
		"empty tables":    `for i = 1, %d do t[i] = {} end`,
		"one field":       `for i = 1, %d do t[i] = {x = i} end`,
		"three fields":    `for i = 1, %d do t[i] = {x = i, y = i, z = i} end`,
		"ten fields":      `for i = 1, %d do t[i] = {a = i, b = i, c = i, d = i, e = i, f = i, g = i, h = i, i = i, j = i} end`,
		"growing fields":  `for i = 1, %d do local u = {} u.a = 1 u.b = 2 u.c = 3 u.d = 4 u.e = 5 t[i] = u end`,
		"arrays":          `for i = 1, %d do t[i] = {1, 2, 3} end`,
		"growing arrays":  `for i = 1, %d do local u = {} for j = 1, 5 do u[j] = j end t[i] = u end`,
		"strings":         `for i = 1, %d do t[i] = "string number " .. i end`,
		"short strings":   `for i = 1, %d do t[i] = "" .. i end`,
		"closures":        `for i = 1, %d do t[i] = function() return i end end`,
		"many upvalues":   `for i = 1, %d do local a, b, c, d, e = i, i, i, i, i t[i] = function() return a, b, c, d, e end end`,
		"shared upvalues": `local a, b, c, d, e for i = 1, %d do t[i] = function() return a, b, c, d, e end end`,
		"coroutines":      `for i = 1, %d / 20 do t[i] = coroutine.create(function() end) end`,
		"suspended":       `for i = 1, %d / 20 do t[i] = coroutine.wrap(function(...) coroutine.yield(...) end) t[i](1) end`,
		"open upvalues":   `local function f(n) local a, b, c, d = n, n, n, n t[n] = function() return a, b, c, d end if n > 1 then f(n - 1) else t.co = coroutine.running() coroutine.yield() end end coroutine.wrap(f)(%d / 20)`,
		"numbers":         `for i = 1, %d do t[i] = i end`,
		"number keys":     `for i = 1, %d do t[i + 0.5] = i end`,
		"wide frames":     `local function f(a1,a2,a3,a4,a5,a6,a7,a8,a9,n) if n == 0 then t.co = coroutine.running() coroutine.yield() end return (f(1,2,3,4,5,6,7,8,9,n-1)) end coroutine.wrap(f)(1,2,3,4,5,6,7,8,9,%d / 20)`,
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := newTestMachine(t, limits.Limits{Memory: 1 << 30, Instructions: limits.Unlimited, Coroutines: 1 << 20})
			if _, err := runScript(t, m, "t = {}"); err != nil {
				t.Fatal(err)
			}
			p, err := Compile("heap.lua", fmt.Sprintf(text, n), m.Limits())
			if err != nil {
				t.Fatal(err)
			}
			cl, err := m.Load(p, m.Globals())
			if err != nil {
				t.Fatal(err)
			}
			before, charged, live := heapInUse(), m.Allocated(), m.Census()
			if _, err := m.Call(t.Context(), cl.Value()); err != nil {
				t.Fatal(err)
			}
			charged = m.Allocated() - charged
			heap := heapInUse() - before
			live = m.Census() - live
			if heap > live+live/8+20_000 {
				t.Errorf("the heap grew by %d, the census found %d", heap, live)
			}
			if live > charged {
				t.Errorf("the census found %d, %d were charged", live, charged)
			}
			if live > 3*heap+20_000 {
				t.Errorf("the census found %d, the heap grew by %d only", live, heap)
			}
			runtime.KeepAlive(m)
		})
	}
}

func heapInUse() int64 {
	var s runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
