package mods_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

func TestStorage(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		assert(storage.get("a") == nil and storage.delete("a") == false and #storage.keys() == 0)
		local value = {list = {1, {2.5, "x"}}, text = "t\0\255\237\178\128", yes = true, empty = {}, ["k\254"] = -0.0}
		assert(storage.set("a", value) == nil)
		value.list[1] = "changed later"
		local back = storage.get("a")
		assert(back ~= value and back.list[1] == 1 and back.list[2][1] == 2.5 and back.text == "t\0\255\237\178\128" and back.yes == true)
		assert(next(back.empty) == nil and 1 / back["k\254"] == -1/0)
		back.text = nil
		assert(storage.get("a").text, "a copy changed the original")
		for _, v in ipairs{0, -1, 0.1, 1e300, 5e-324, 2^53, -2^53, "", "a", false, true} do
		  storage.set("n", v)
		  assert(storage.get("n") == v, tostring(v))
		end
		storage.set("n", nil)
		assert(storage.get("n") == nil and #storage.keys() == 1)
		for _, key in ipairs{"b/2", "b/10", "c", "b", "\255", "\0"} do storage.set(key, 1) end
		assert(table.concat(storage.keys(), " ") == "\0 a b b/10 b/2 c \255")
		assert(table.concat(storage.keys("b/"), " ") == "b/10 b/2" and #storage.keys("zzz") == 0 and #storage.keys("\255") == 1)
		assert(storage.delete("b") and not storage.delete("b") and storage.get("b") == nil)
		local used, quota = storage.usage()
		print(used, quota)`)
	w.well(m)
	// Six keys of together 10 bytes, five times "1", one table, 32 bytes each.
	value := `{"empty":{},"k\udcfe":-0,"list":[1,[2.5,"x"]],"text":"t\u0000\udcff\udced\udcb2\udc80","yes":true}`
	w.wantPrinted(fmt.Sprintf(`[one] %d\t65536`, 11+5+len(value)+6*32))
}

func TestStorageRefuses(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local loop = {} loop.loop = loop
		storage.set("kept", "kept")
		for _, v in ipairs{0/0, 1/0, print, coroutine.create(function() end), json.null, {json.null}, {f = print}, {1, 2, x = 3}, {[2] = 1}, loop} do
		  print(pcall(storage.set, "kept", v))
		end
		print(pcall(storage.set, "", 1)) print(pcall(storage.set, ("k"):rep(257), 1)) print(pcall(storage.set, 5, 1)) print(pcall(storage.set))
		print(pcall(storage.get)) print(pcall(storage.keys, 1))
		assert(storage.get("kept") == "kept" and #storage.keys() == 1)
		storage.set(("k"):rep(256), 1)`)
	w.well(m)
	if lines := w.printed(); len(lines) != 16 {
		t.Fatalf("%q", lines)
	}
	for _, line := range w.printed() {
		if !strings.HasPrefix(line, `[one] false\t`) || strings.Contains(line, "host error") {
			t.Error(line)
		}
	}
}

func TestStorageQuota(t *testing.T) {
	w := newWorld(t, mods.Config{})
	m, err := w.try("one", "[permissions.storage]\nreason = 'x'\nquota = 1000", `
		print(pcall(storage.set, "a", ("x"):rep(966)))
		assert(storage.get("a") == nil)
		storage.set("a", ("x"):rep(965)) -- with its quotes, its key and 32 bytes
		print(storage.usage())
		print(pcall(storage.set, "b", 1))
		print(pcall(storage.set, "a", ("\0"):rep(700)))
		assert(#storage.get("a") == 965)
		storage.set("a", ("y"):rep(965))
		storage.set("a", "short")
		storage.set("b", 1)
		print(storage.usage())
		local n = 0
		while pcall(storage.set, "many" .. n, 1) do n = n + 1 end
		print(n, storage.usage())`)
	if err != nil {
		t.Fatal(err)
	}
	w.run(1)
	w.well(m)
	full := func(used int) string {
		return fmt.Sprintf(`[one] false\tstorage: the quota is full: %d of 1000 bytes are used, and the value does not fit`, used)
	}
	w.wantPrinted(full(0), `[one] 1000\t1000`, full(1000), full(1000), `[one] 74\t1000`, `[one] 24\t1000\t1000`)
}

// TestLoweredQuota: a mod that has more than it may, from before, can remove
// and shrink what it has, and add nothing.
func TestLoweredQuota(t *testing.T) {
	var kept storage.Memory
	if err := kept.Save([]storage.Change{{Mod: "one", Key: "a", Value: `"` + strings.Repeat("x", 1000) + `"`}, {Mod: "one", Key: "b", Value: "1"}}); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, mods.Config{OpenStore: func(string) (storage.Store, error) { return &kept, nil }})
	m, err := w.try("one", "[permissions.storage]\nreason = 'x'\nquota = 500", `
		assert(#storage.get("a") == 1000)
		assert(not pcall(storage.set, "c", 1) and not pcall(storage.set, "b", "longer"))
		storage.set("a", ("y"):rep(900))
		assert(not pcall(storage.set, "a", ("y"):rep(901)))
		storage.set("a", {("z"):rep(880)})
		storage.set("a", ("y"):rep(490))
		assert(not pcall(storage.set, "c", 1))
		storage.delete("a")
		storage.set("c", 1)`)
	if err != nil {
		t.Fatal(err)
	}
	w.run(1)
	w.well(m)
}

func TestModsDoNotSeeEachOthersValues(t *testing.T) {
	w := newWorld(t, mods.Config{})
	aaa := w.mod("aaa", `storage.set("key", "of aaa")`)
	bbb := w.mod("bbb", `assert(storage.get("key") == nil and #storage.keys() == 0) storage.set("key", "of bbb")
		return {tick = function() assert(storage.get("key") == "of bbb") end}`)
	w.run(1)
	w.well(aaa, bbb)
}

// recorder is a store that can fail, and keeps what it was asked to save.
type recorder struct {
	storage.Memory
	err   error
	saves [][]storage.Change
}

func (r *recorder) Save(changes []storage.Change) error {
	if r.err != nil {
		return &storage.Error{Op: "save", Err: r.err}
	}
	r.saves = append(r.saves, changes)
	return r.Memory.Save(changes)
}

func (r *recorder) open(string) (storage.Store, error) { return r, nil }

func TestSaving(t *testing.T) {
	r := &recorder{}
	w := newWorld(t, mods.Config{OpenStore: r.open, SaveEvery: 5})
	bbb := source(t, "bbb", everything, `storage.set("main", 1) return {tick = function(n) storage.set("n", n) storage.set("same", "x") storage.set("gone", n) storage.delete("gone") end,
		stop = function() storage.delete("main") end}`)
	w.load(bbb, source(t, "aaa", everything, `return {start = function() storage.set("b", 1) storage.set("a", 1) end}`))
	w.run(11)
	w.stop()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	set := func(mod, key, value string) storage.Change { return storage.Change{Mod: mod, Key: key, Value: value} }
	want := [][]storage.Change{
		{set("aaa", "a", "1"), set("aaa", "b", "1"), set("bbb", "main", "1"), set("bbb", "n", "5"), set("bbb", "same", `"x"`)}, // tick 5
		{set("bbb", "n", "10")}, // tick 10
		{{Mod: "bbb", Key: "main", Delete: true}, set("bbb", "n", "11")}, // Stop; nothing is left for Close
	}
	if diff := cmp.Diff(want, r.saves); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStoreThatFails(t *testing.T) {
	broken := errors.New("no space left on device")
	r := &recorder{}
	w := newWorld(t, mods.Config{OpenStore: r.open, SaveEvery: 1})
	m := w.mod("one", `return {tick = function(n)
		print(n, pcall(storage.set, "n", n))
		print(n, storage.get("n"), pcall(storage.delete, "nothing"))
	end}`)
	w.run(1)
	r.err = broken
	w.run(2) // the first finds out, the second is refused
	r.err = nil
	w.run(2) // the first saves again
	const refused = `false\tstorage: values cannot be saved at present`
	w.wantPrinted(`[one] 1\ttrue`, `[one] 1\t1\ttrue\tfalse`, `[one] 2\ttrue`, `[one] 2\t2\ttrue\tfalse`,
		`[one] 3\t`+refused, `[one] 3\t2\t`+refused, `[one] 4\t`+refused, `[one] 4\t2\t`+refused,
		`[one] 5\ttrue`, `[one] 5\t5\ttrue\tfalse`)
	w.well(m)
	if len(w.log.lines()) != 2 || !strings.Contains((w.log.lines())[0], "cannot be saved") || !strings.Contains((w.log.lines())[1], "can be saved again") {
		t.Errorf("%q", w.log.lines())
	}
	r.err = broken
	w.run(1)
	if err := w.Stop(context.Background()); !errors.Is(err, broken) || !as[*storage.Error](err) {
		t.Errorf("Stop: %v", err)
	}
	if err := w.Close(); !errors.Is(err, broken) {
		t.Errorf("Close: %v", err)
	}
	if got, _ := r.Load("one"); got["n"] != "5" {
		t.Errorf("the store has %v", got)
	}
}

// TestChangesAreBounded: what waits to be saved is never more than what is
// there and what was.
func TestChangesAreBounded(t *testing.T) {
	r := &recorder{}
	w := newWorld(t, mods.Config{OpenStore: r.open})
	m := w.mod("one", `return {tick = function(n)
		for i = 1, 1000 do local key = n .. " " .. i storage.set(key, 1) storage.delete(key) end
	end}`)
	w.run(20)
	w.well(m)
	if len(r.saves) != 0 {
		t.Errorf("saved %v", r.saves)
	}
}

func TestDamagedValues(t *testing.T) {
	for name, value := range map[string]string{"not JSON": "{", "nothing": "", "NaN": "NaN"} {
		r := &recorder{}
		if err := r.Memory.Save([]storage.Change{{Mod: "one", Key: "k\n", Value: value}}); err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, mods.Config{OpenStore: r.open})
		m := w.mod("one", "print('runs')")
		other := w.mod("other", "storage.set('fine', 1)")
		w.run(1)
		w.well(other)
		if m.State() != mods.Refused || !errors.Is(m.Err(), storage.ErrCorrupt) || !as[*mods.GrantError](m.Err()) || w.out.Len() > 0 {
			t.Errorf("%s: %s, %v", name, m.State(), m.Err())
		}
		if got, _ := r.Load("one"); got["k\n"] != value {
			t.Errorf("%s: what was there is lost", name)
		}
	}
}

func TestLockedDataDir(t *testing.T) {
	dir := t.TempDir()
	newWorld(t, mods.Config{DataDir: dir, OpenStore: boltstore.Open})
	_, err := mods.Open(mods.Config{DataDir: dir, OpenStore: boltstore.Open})
	if !errors.Is(err, storage.ErrLocked) || !as[*storage.Error](err) {
		t.Errorf("got %v", err)
	}
}

// TestStorageWork: what the host does for storage is paid for in instructions.
func TestStorageWork(t *testing.T) {
	w := newWorld(t, mods.Config{Limits: limits.Limits{Instructions: 3_000_000}, Policy: mods.Policy{All: true, StorageQuota: 1 << 20}})
	m, err := w.try("one", "[permissions.storage]\nreason = 'x'\nquota = '1MiB'", `
		local list = {} for i = 1, 20000 do list[i] = i end
		storage.set("list", list)
		return {tick = function() for i = 1, 1000 do storage.get("list") end end}`)
	if err != nil {
		t.Fatal(err)
	}
	w.in(m, mods.Quarantined)
	if r := m.Report(); r.Violations[0].Limit != "instructions" || r.Violations[0].During != "tick hook" || r.HostCalls > 10 {
		t.Errorf("%+v", r)
	}
}
