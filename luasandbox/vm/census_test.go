package vm_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// withGC returns a machine whose scripts have gc(), which takes a census there.
func withGC(t testing.TB, l limits.Limits) *vm.Machine {
	t.Helper()
	m := newMachine(t, l, nil)
	addNative(t, m, "gc", func(c *vm.Call) error {
		m.ForceCensus()
		if err := c.Reserve(1); err != nil {
			return err
		}
		return c.Return(vm.Int(int(m.Memory())))
	})
	return m
}

// TestCensusSizes: what each kind of object counts as, by how much the live bytes
// grow when a global comes to hold it.
func TestCensusSizes(t *testing.T) {
	const table, closure, upvalue, str, thread = limits.TableHeader, limits.ClosureHeader, limits.UpvalueBytes, limits.StringHeader, limits.ThreadBytes
	const value, entry, slot = limits.ValueBytes, limits.HashEntry, limits.IndexSlot
	for _, tt := range []struct {
		text string
		want int64
	}{
		{`x = 1`, 0},
		{`x = true`, 0},
		{`x = "constant"`, 0},
		{`x = print`, 0},
		{`x = {}`, table},
		{`x = {1, 2, 3}`, table + 3*value},
		{`x = {a = 1}`, table + entry},
		{`x = {a = 1, b = 2, c = 3}`, table + 4*entry},
		{`x = {} for i = 1, 9 do x["k" .. i] = true end`, table + limits.IndexHeader + 16*(entry+slot) + 9*(str+2)},
		{`x = {{}, {}}`, 3*table + 2*value},
		{`local t = {} x = {t, t, t}`, 2*table + 3*value},
		{`x = {} x.x = x`, table + entry},
		{`x = ("ab"):rep(50)`, str + 100},
		{`x = function() end`, closure},
		{`local a x = function() return a end`, closure + 8 + upvalue},
		{`local a, b x = function() return a, b end`, closure + 2*(8+upvalue)},
		{`local a = {} x = function() return a end`, closure + 8 + upvalue + table},
		{`local a x = {function() return a end, function() return a end}`, table + 2*value + 2*(closure+8) + upvalue},
		{`x = setmetatable({}, {})`, 2 * table},
		{`x = coroutine.create(function() end)`, thread + closure},
		{`x = coroutine.wrap(function() end)`, closure + value + thread + closure},
		{`x = coroutine.create(function() end) coroutine.resume(x)`, thread},
		{`local t = {} t = nil x = nil`, 0},
		{`local t = {} t.t = t`, 0},
		{`x = {{}} x = nil`, 0},
		{`do local big = ("b"):rep(1000) x = #big end`, 0},
		{`x = loadstring("return 1")`, closure + 0}, // and the program, below
	} {
		m := newMachine(t, generous, nil)
		f := load(t, m, "size.lua", tt.text)
		if _, err := call(t, m, `x, y = false, false`); err != nil {
			t.Fatal(err)
		}
		before := m.Census()
		if _, err := m.Call(context.Background(), f); err != nil {
			t.Fatal(err)
		}
		got := m.Census() - before
		if strings.Contains(tt.text, "loadstring") {
			if got < tt.want+100 || got > tt.want+2000 {
				t.Errorf("%s: %d bytes", tt.text, got)
			}
		} else if got != tt.want {
			t.Errorf("%s: %d bytes, want %d", tt.text, got, tt.want)
		}
	}
}

// TestCensusModel links and unlinks objects at random: the census finds what can
// be reached, and no more.
func TestCensusModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 12
		m := vm.New(vm.Config{Limits: generous})
		root, err := m.NewTable(n, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.SetString(m.Globals(), "root", root.Value()); err != nil {
			t.Fatal(err)
		}
		nodes := make([]*vm.Table, n)
		links := make([][4]int, n) // index+1 of nodes: two fields, an array slot, the metatable
		held := make([]bool, n)
		fields := []vm.Value{vm.SharedString("left"), vm.SharedString("right"), vm.Int(1)}
		for i := range nodes {
			if nodes[i], err = m.NewTable(1, 2); err != nil {
				t.Fatal(err)
			}
			if err := m.SetInt(root, i+1, nodes[i].Value()); err != nil {
				t.Fatal(err)
			}
			held[i] = true
		}
		empty := m.Census() - n*(limits.TableHeader+limits.ValueBytes+2*limits.HashEntry)
		t.Repeat(map[string]func(*rapid.T){
			"link": func(t *rapid.T) {
				from, to, by := rapid.IntRange(0, n-1).Draw(t, "from"), rapid.IntRange(0, n).Draw(t, "to"), rapid.IntRange(0, 3).Draw(t, "by")
				links[from][by] = to
				var v vm.Value
				var mt *vm.Table
				if to > 0 {
					v, mt = nodes[to-1].Value(), nodes[to-1]
				}
				if by == 3 {
					err = m.SetMetatable(nodes[from], mt)
				} else {
					err = m.RawSet(nodes[from], fields[by], v)
				}
				if err != nil {
					t.Fatal(err)
				}
			},
			"hold or drop": func(t *rapid.T) {
				i := rapid.IntRange(0, n-1).Draw(t, "node")
				held[i] = !held[i]
				v := vm.Nil
				if held[i] {
					v = nodes[i].Value()
				}
				if err := m.SetInt(root, i+1, v); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				reached := [n]bool{}
				var walk func(i int)
				walk = func(i int) {
					if !reached[i] {
						reached[i] = true
						for _, to := range links[i] {
							if to > 0 {
								walk(to - 1)
							}
						}
					}
				}
				for i := range nodes {
					if held[i] {
						walk(i)
					}
				}
				want, count := empty, int64(0)
				for _, r := range reached {
					if r {
						count++
					}
				}
				want += count * (limits.TableHeader + limits.ValueBytes + 2*limits.HashEntry)
				if got := m.Census(); got != want {
					t.Fatalf("%d bytes are live, the model has %d objects and %d bytes", got, count, want)
				}
				if inv := m.Inventory(5); inv.Bytes != want {
					t.Fatalf("the inventory has %d bytes, the model %d", inv.Bytes, want)
				}
			},
		})
	})
}

// TestInventoryIsTheCensus stops the oracle's scripts in many places: the
// inventory adds up to what the census finds.
func TestInventoryIsTheCensus(t *testing.T) {
	for _, name := range scripts(t, oracleDir) {
		t.Run(name, func(t *testing.T) {
			skipLong(t, name)
			m := newMachine(t, generous, nil)
			r, err := m.Start(context.Background(), load(t, m, name, readFile(t, oracleDir, name)))
			for i, status := 0, vm.Paused; err == nil && status == vm.Paused; i++ {
				fuel := int64(997)
				if i > 60 {
					fuel = limits.Unlimited
				}
				if status, err = r.Step(fuel); err != nil {
					t.Fatal(err)
				}
				live := m.Census()
				inv := m.Inventory(10)
				var kinds int64
				for _, k := range inv.Kinds {
					kinds += k.Bytes
				}
				if inv.Bytes != live || kinds != live {
					t.Fatalf("the census found %d bytes, the inventory %d, its kinds %d: %+v", live, inv.Bytes, kinds, inv.Kinds)
				}
				if again := m.Census(); again != live {
					t.Fatalf("a second census found %d bytes, the first %d", again, live)
				}
				if len(inv.Paths) == 0 || inv.Paths[0].Name != "_G" && inv.Paths[0].Name != "(host)" {
					t.Fatalf("paths %+v", inv.Paths)
				}
			}
		})
	}
}

// TestGarbageNeverTrips: scripts that hold little and make garbage for ever, at
// all sizes, never meet the limit of memory, however small it is.
func TestGarbageNeverTrips(t *testing.T) {
	for name, text := range map[string]string{
		"tables":     `while true do local t = {{}, {1, 2, 3}, x = {}} end`,
		"strings":    `local i = 0 while true do i = i + 1 local s = "s" .. i .. ("x"):rep(i % 1000) end`,
		"large":      `while true do local s = ("x"):rep(60000) local t = s .. "y" end`,
		"closures":   `while true do local a, b = 1, 2 local f = function() return a, b end end`,
		"coroutines": `while true do local co = coroutine.wrap(function() coroutine.yield() end) co() end`,
		"cycles":     `while true do local a, b = {}, {} a.b, b.a, a.f = b, a, function() return a, b end end`,
		"programs":   `local i = 0 while true do i = i + 1 loadstring("return 'constant " .. i .. "'")() end`,
		"keys":       `local t, i = {}, 0 while true do i = i + 1 t["key" .. i] = {} t["key" .. i - 3] = nil end`,
		"key tables": `local t, last = {} while true do local k = {{}, {}} t[k] = true if last then t[last] = nil end last = k end`,
		"big keys":   `local t, i = {}, 0 while true do i = i + 1 local k = ("k"):rep(20000) .. i t[k] = 1 t[k] = nil end`,
		"queue":      `local t, head, tail = {}, 1, 0 while true do tail = tail + 1 t[tail] = {} if tail > 50 then t[head] = nil head = head + 1 end end`,
		"errors":     `while true do pcall(error, {"object"}) pcall(function() local x = nil; return x.y end) end`,
		"varargs":    `local function f(...) return select("#", ...) end local t = {} for i = 1, 200 do t[i] = i end while true do f(unpack(t)) local u = {unpack(t)} end`,
		"registers": `local function a() local p, q, r, u, v, w, z, x, y = 1, 2, 3, 4, 5, 6, 7, ("x"):rep(150000), ("y"):rep(150000) return #x + #y end
			local function b() local t, i = {}, 0 while i < 8000 do i = i + 1 t[i] = i end if i < 0 then local p, q, r, s, u, v, w, x, y, z = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 end end
			while true do a() b() end`,
		"blocks":    `while true do do local p, q, r, u, v, w, a, b, c, d, e, f, x = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, ("x"):rep(300000) end local t = {} for i = 1, 170 do t[i] = ("y"):rep(1500) end end`,
		"deep":      `local function f(n) local t = {n} if n > 0 then f(n - 1) end end while true do f(100) end`,
		"weak":      `local t = setmetatable({}, {__mode = "v"}) local i = 0 while true do i = i + 1 t[i % 100] = {} end`,
		"weak keys": `local t = setmetatable({}, {__mode = "k"}) while true do t[{}] = true end`,
		"concat":    `while true do local s = "" for i = 1, 300 do s = s .. "xxxxxxxxxx" end end`,
		"sort":      `while true do local t = {} for i = 1, 100 do t[i] = (i * 7919) % 101 end table.sort(t, function(a, b) return a < b end) end`,
		"gsub":      `while true do local s = ("abc "):rep(1000):gsub("%w+", function(w) return w:upper() end) end`,
	} {
		t.Run(name, func(t *testing.T) {
			const size = 400_000
			m := newMachine(t, limits.Limits{Memory: size, Instructions: 6_000_000}, nil)
			_, err := m.Call(context.Background(), load(t, m, "garbage.lua", text))
			noBug(t, err)
			var e *limits.Error
			if !errors.As(err, &e) || e.Kind != limits.Instructions {
				t.Fatalf("ended with %v, after %d bytes", err, m.Allocated())
			}
			if m.Allocated() < 3*size {
				t.Errorf("only %d bytes of garbage were made under a limit of %d", m.Allocated(), size)
			}
			if m.Peak() > size {
				t.Errorf("peak %d", m.Peak())
			}
		})
	}
}

// TestLiveStaysWithinBounds: what is live never passes the limit by more than a
// quarter, and the Go heap stays within four times the limit, for scripts that
// hold all they can.
func TestLiveStaysWithinBounds(t *testing.T) {
	for name, text := range map[string]string{
		"tables":        `local t = {} for i = 1, 1e9 do t[i] = {i} end`,
		"list":          `local l while true do l = {l} end`,
		"strings":       `local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(100) .. i end`,
		"doubling":      `local s = "x" while true do s = s .. s end`,
		"large strings": `local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(200000) end`,
		"table growth":  `local t = {} for i = 1, 1e9 do t["k" .. i % 50000] = i end`,
		"dead keys":     `local t = {} for i = 1, 1e9 do local k = ("k"):rep(1000) .. i t[k] = true t[k] = nil end`,
		"dead objects":  `local t, k = {} for i = 1, 3000 do t[i + 0.5] = 1 end while true do k = {("v"):rep(12000)} t[k] = true t[k] = nil end`,
		"closures":      `local t = {} for i = 1, 1e9 do local x = i t[i] = function() return x end end`,
		"coroutines":    `local t = {} for i = 1, 1e9 do t[i] = coroutine.wrap(function(...) coroutine.yield(...) end) t[i](i) end`,
		"open upvalues": `local keep, big = {}, {} for i = 1, 2000 do big[i] = i end
			while true do coroutine.wrap(function() local x; keep[#keep + 1] = function() return x end; (function(...) end)(unpack(big)) coroutine.yield() end)() end`,
		"programs":       `local t = {} for i = 1, 1e9 do t[i] = loadstring("local a = 'a long string that is a constant " .. i .. "' return function() return a end") end`,
		"constants":      `local t = {} for i = 1, 1e9 do t[i] = loadstring("return '" .. ("c"):rep(3000) .. i .. "'")() end`,
		"deep stack":     `local function f(a, b, c, d) return 1 + f(a, b, c, d) end pcall(f) f()`,
		"varargs":        `local function f(...) return 1 + f(1, ...) end f()`,
		"metatables":     `local t = {} for i = 1, 1e9 do t[i] = setmetatable({}, {__index = {}}) end`,
		"gsub":           `local s = ("x"):rep(50000) while true do s = s:gsub("x", "xx") end`,
		"concat":         `local t = {} for i = 1, 1e9 do t[i] = "element" if i % 1000 == 0 then table.concat(t) end end`,
		"sort":           `local t = {} for i = 1, 1e9 do t[i] = {i} if i % 5000 == 0 then table.sort(t, function(a, b) return a[1] > b[1] end) end end`,
		"replaced":       `local function new() local t = {} for i = 1, 3000 do t[i] = {} end return t end local t = {} while true do for i = 1, 8 do t[i] = new() end end`,
		"weak":           `local t, k = setmetatable({}, {__mode = "v"}), {} for i = 1, 1e9 do k[i] = {} t[i] = k[i] end`,
		"weak strings":   `local t = setmetatable({}, {__mode = "kv"}) for i = 1, 1e9 do t[i] = ("s"):rep(500) .. i end`,
		"environments":   `local t = {} for i = 1, 1e9 do t[i] = setfenv(function() return x end, {x = i}) end`,
		"suspended sort": `local t = {} for i = 1, 1e9 do t[i] = coroutine.wrap(function() local l = {3, 2, 1} table.sort(l, function(a, b) coroutine.yield() return a < b end) end) t[i]() end`,
		"error objects":  `local t = {} for i = 1, 1e9 do t[i] = {pcall(error, {i})} end`,
		"tracebacks":     `local t = {} for i = 1, 1e9 do t[i] = debug.traceback("m") end`,
	} {
		t.Run(name, func(t *testing.T) {
			const size = 2 << 20
			l := limits.Limits{Memory: size, Instructions: 40_000_000, Depth: 1 << 20, Coroutines: 1 << 20}
			if testing.Short() {
				l.Instructions = 4_000_000
			}
			m := newMachine(t, l, nil)
			f := load(t, m, "hungry.lua", text)
			before := heapNow()
			r, err := m.Start(context.Background(), f)
			var most int64
			var heap int64
			for i, status := 0, vm.Paused; err == nil && status == vm.Paused; i++ {
				if status, err = r.Step(50_000); status == vm.Paused {
					most = max(most, m.Inventory(0).Bytes)
					if i%20 == 0 {
						heap = max(heap, heapNow()-before)
					}
				}
			}
			noBug(t, err)
			var e *limits.Error
			if !errors.As(err, &e) {
				t.Fatalf("ended with %v", err)
			}
			if most > size+size/4 {
				t.Errorf("%d bytes were live at one time, with a limit of %d", most, size)
			}
			if heap > 4*size {
				t.Errorf("the heap grew by %d, with a limit of %d", heap, size)
			}
			runtime.KeepAlive(m)
		})
	}
}

func heapNow() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// TestCensusCost: however full the jail is, a byte of garbage costs a bounded
// number of instructions.
func TestCensusCost(t *testing.T) {
	const size = 8 << 20
	for _, full := range []int{0, 50, 90, 97} {
		m := newMachine(t, limits.Limits{Memory: size, Instructions: limits.Unlimited}, nil)
		text := fmt.Sprintf(`hold = {} for i = 1, %d do hold[i] = {i} end`, size/100*int64(full)/(limits.TableHeader+3*limits.ValueBytes))
		if _, err := call(t, m, text); err != nil {
			t.Fatalf("%d%%: %v", full, err)
		}
		live := m.Census()
		instructions, allocated := m.Total().Snapshot().Instructions.Current, m.Allocated()
		if _, err := call(t, m, `for i = 1, 300000 do local t = {i} end`); err != nil {
			t.Fatalf("%d%%: %v", full, err)
		}
		spent := m.Total().Snapshot().Instructions.Current - instructions
		made := m.Allocated() - allocated
		if perByte := float64(spent) / float64(made); perByte > 0.35 {
			t.Errorf("%d%% full (%d bytes): %.2f instructions for each byte of garbage", full, live, perByte)
		}
	}
}

// TestWeakTables, with a census where the script says gc().
func TestWeakTables(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"values", `local t = setmetatable({}, {__mode = "v"}) local keep = {} t[1], t[2], t.x, t.y = {}, keep, {}, keep gc() return t[1], t[2] == keep, t.x, t.y == keep`, "nil true nil true"},
		{"keys", `local t = setmetatable({}, {__mode = "k"}) local keep = {} t[{}], t[keep], t[{}] = 1, 2, 3 gc() local n = 0 for k in pairs(t) do n = n + 1 end return n, t[keep]`, "1 2"},
		{"both", `local t = setmetatable({}, {__mode = "kv"}) local k, v = {}, {} t[k], t[{}], t[1], t[2] = v, v, v, {} gc() local n = 0 for _ in pairs(t) do n = n + 1 end return n, t[k] == v, t[1] == v, t[2]`, "2 true true nil"},
		{"strings, numbers and booleans stay", `local t = setmetatable({}, {__mode = "kv"}) t[1], t.s, t["a" .. "b"], t[true] = "v" .. 1, 5, true, false gc() return t[1], t.s, t.ab, t[true]`, "v1 5 true false"},
		{"library functions stay", `local t = setmetatable({}, {__mode = "kv"}) t[1], t[print] = print, 1 gc() return t[1] == print, t[print]`, "true 1"},
		{"functions go", `local t = setmetatable({}, {__mode = "v"}) t[1] = function() end t[2] = coroutine.create(function() end) gc() return t[1], t[2]`, "nil nil"},
		{"a cycle through a weak value goes", `local t = setmetatable({}, {__mode = "v"}) local a = {} a.a = a t[1] = a a = nil gc() return t[1]`, "nil"},
		{"a weak key's value keeps nothing else", `local t = setmetatable({}, {__mode = "v"}) local u = setmetatable({}, {__mode = "k"}) local k = {} t[1] = {} u[k] = t[1] gc() return t[1] == u[k], t[1] ~= nil`, "true true"},
		{"the metatable decides at the census", `local mt = {__mode = "v"} local t = setmetatable({{}}, mt) mt.__mode = nil gc() local kept = t[1] ~= nil mt.__mode = "v" gc() return kept, t[1]`, "true nil"},
		{"traversal while entries go", `local t = setmetatable({}, {__mode = "k"}) for i = 1, 20 do t[{}] = i end local n, keep = 0, {} for k in pairs(t) do n = n + 1 keep[n] = k gc() end return n <= 20 and n >= 1, #keep == n`, "true true"},
		{"deleted keys are forgotten, the loop goes on", `local t = {} for i = 1, 20 do t[{}] = i end local n = 0 for k in pairs(t) do n = n + 1 t[k] = nil gc() end return n, next(t)`, "20 nil"},
		{"deleted string keys too", `local t = {} for i = 1, 20 do t["k" .. i] = i end local n = 0 for k in pairs(t) do n = n + 1 t[k] = nil gc() end return n, next(t)`, "20 nil"},
		{"deleted, forgotten and set again", `local t = {a = 1} local k = "key" .. 1 t[k] = 1 t[k] = nil k = nil gc() t["key" .. 1] = 2 t.b = 3 gc() local s = "" for k, v in pairs(t) do s = s .. k .. v end return s`, "a1key12b3"},
		{"a length with cleared slots is a border", `local t = setmetatable({}, {__mode = "v"}) local keep = {} for i = 1, 10 do t[i] = i <= 4 and keep or {} end gc() return #t, t[4] == keep, t[5]`, "4 true nil"},
		{"an object in a register is not gone", `local t = setmetatable({}, {__mode = "v"}) local a = {} t[1] = a gc() local same = t[1] == a a = nil gc() return same, t[1]`, "true nil"},
		{"arguments and varargs are not gone", `local t = setmetatable({}, {__mode = "v"}) local function f(x, ...) gc() return t[1] == x, t[2] == ..., t[3] end t[1], t[2], t[3] = {}, {}, {} return f(t[1], t[2])`, "true true nil"},
		{"the pivot of a sort is not gone", `local t = setmetatable({}, {__mode = "v"}) local l = {} for i = 1, 30 do l[i] = {i * 7 % 31} t[i] = l[i] end table.sort(l, function(a, b) gc() return a[1] < b[1] end) for i = 1, 30 do if not t[i] then return i end end return "all"`, "all"},
		{"what a coroutine holds is not gone", `local t = setmetatable({}, {__mode = "v"}) local co = coroutine.wrap(function() local x = {} t[1] = x coroutine.yield() return x end) co() gc() return t[1] == co()`, "true"},
		{"an upvalue is not gone, nor its neighbour of a dead coroutine", `local t = setmetatable({}, {__mode = "v"}) local f do local x = {} t[1] = x f = function() return x end end gc() return t[1] == f()`, "true"},
		{"an upvalue of a suspended coroutine that is dropped", `local get coroutine.wrap(function() local x = {"x"} get = function() return x end coroutine.yield() end)() gc() return get()[1]`, "x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := withGC(t, generous)
			got, err := call(t, m, tt.text)
			if got != tt.want || err != nil {
				t.Errorf("%s\n got %q, %v\nwant %q", tt.text, got, err, tt.want)
			}
			works(t, m)
		})
	}
}

// TestCensusCounts what is held in other places than tables and registers.
func TestCensusCounts(t *testing.T) {
	const big = 100_000
	for name, text := range map[string]string{
		"a continuation's buffer":         `local n = 0 local s = ("x"):rep(20):gsub("x", function() n = math.max(n, gc()) return ("y"):rep(10000) end) return n`,
		"a sort's list":                   `local n = 0 table.sort({("x"):rep(100000), ("y"):rep(100), "z"}, function(a, b) n = math.max(n, gc()) return a < b end) return n`,
		"a load's pieces":                 `local n, i = 0, 0 load(function() i = i + 1 n = math.max(n, gc()) if i < 20 then return "-- " .. ("c"):rep(10000) .. "\n" end end) return n`,
		"a suspended coroutine":           `local co = coroutine.wrap(function() local s = ("x"):rep(100000) coroutine.yield() return #s end) co() return gc()`,
		"an upvalue":                      `local s = ("x"):rep(100000) local f = function() return s end s = s return gc(), f`,
		"arguments in a native call":      `return (select(2, ("x"):rep(100000), gc()))`,
		"an error object on its way":      `return (select(2, xpcall(function() error(("x"):rep(100000)) end, function(e) return gc() end)))`,
		"a key":                           `local t = {[("x"):rep(100000)] = 1} return gc(), t`,
		"a metatable's field":             `local t = setmetatable({}, {x = ("x"):rep(100000)}) return gc(), t`,
		"an environment":                  `local f = setfenv(function() end, {x = ("x"):rep(100000)}) return gc(), f`,
		"the operands of a concatenation": `local n local m = setmetatable({}, {__concat = function(a, b) n = gc() return "r" end}) local s = ("x"):rep(100000) .. (m .. "b") return n`,
		"operands that wait":              `local n local m = setmetatable({}, {__concat = function(a, b) n = gc() return "r" end}) local s = ("x"):rep(100000) .. m .. "b" return n`,
		"a loop's state":                  `for i, s in function(s, c) if not c then return 1, gc() end end, ("x"):rep(100000) do return s end`,
		"a deep frame":                    `local function f(n, s) if n == 0 then return (gc()) end local r = f(n - 1, ("x"):rep(2500)) return r, s end return (f(50))`,
		"a program":                       `local f = loadstring("return '" .. ("x"):rep(100000) .. "'") return gc(), f`,
		"a constant of a program":         `local s = loadstring("return '" .. ("x"):rep(100000) .. "'")() return gc(), s`,
		"a name in a program":             `local f = loadstring("local " .. ("x"):rep(100000) .. " = 1 return 1") return gc(), f`,
		"a closure of a program":          `local f = loadstring("local function f() return '" .. ("x"):rep(100000) .. "' end return f")() return gc(), f`,
	} {
		t.Run(name, func(t *testing.T) {
			m := withGC(t, generous)
			empty, err := call(t, m, `return gc()`)
			if err != nil {
				t.Fatal(err)
			}
			vs, err := m.Call(context.Background(), load(t, m, "holds.lua", text))
			noBug(t, err)
			if err != nil {
				t.Fatal(err)
			}
			n, _ := vs[0].AsNumber()
			var base float64
			if _, err := fmt.Sscan(empty, &base); err != nil {
				t.Fatal(err)
			}
			if n < base+big {
				t.Errorf("%v bytes are live, %v without", n, base)
			}
			// And nothing is left when it is over.
			vs = nil
			if got := m.Census(); float64(got) > base+20_000 { // the stack of the call is kept for the next
				t.Errorf("%d bytes are live afterwards, %v before", got, base)
			}
		})
	}
}

// TestBorrowedLibraryCounts: the library counts when it was copied, not before.
func TestBorrowedLibraryCounts(t *testing.T) {
	m := newMachine(t, generous, nil)
	before := m.Census()
	if _, err := call(t, m, `string.trim = function() end`); err != nil {
		t.Fatal(err)
	}
	if grown := m.Census() - before; grown < 15*limits.HashEntry {
		t.Errorf("a copied library counts %d bytes", grown)
	}
}
