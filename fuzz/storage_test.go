package fuzz

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/fuzz/generate"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

// Each mod performs, in each tick, what the target has for it.
const storageProgram = `
return {tick = function()
  while true do
    local op, key, value = probe.next()
    if not op then return end
    if op == 'set' then probe.done(pcall(storage.set, key, value))
    elseif op == 'delete' then probe.done(pcall(storage.delete, key))
    elseif op == 'get' then probe.done(pcall(storage.get, key))
    elseif op == 'keys' then local ok, list = pcall(storage.keys, key) probe.done(ok, ok and table.concat(list, ' '))
    elseif op == 'usage' then local ok, used, quota = pcall(storage.usage) probe.done(ok, used .. ' ' .. quota)
    end
  end
end}
`

// operation is one thing that a mod does.
type operation struct {
	op, key string
	value   any
}

// model is what a mod's storage should hold: JSON by key.
type model struct {
	live, saved map[string]string
	dirty       map[string]bool // what the next save writes
	quota       int64
}

func newModel(quota int64) *model {
	return &model{live: map[string]string{}, saved: map[string]string{}, dirty: map[string]bool{}, quota: quota}
}

func (m *model) used() (n int64) {
	for key, value := range m.live {
		n += int64(len(key)) + int64(len(value)) + 32
	}
	return n
}

// do returns whether an operation goes well, and what it returns; writable is false
// while the store fails.
func (m *model) do(o operation, writable bool) (ok bool, result any) {
	if (o.op == "set" || o.op == "delete") && !writable {
		return false, nil
	}
	old, there := m.live[o.key]
	switch o.op {
	case "set":
		if o.key == "" || len(o.key) > 256 {
			return false, nil
		}
		if o.value == nil {
			m.forget(o.key)
			return true, nil
		}
		text, err := json.Marshal(o.value)
		if err != nil {
			return false, nil
		}
		before := m.used()
		m.live[o.key] = string(text)
		if now := m.used(); now > m.quota && now > before {
			delete(m.live, o.key)
			if there {
				m.live[o.key] = old
			}
			return false, nil
		}
		m.dirty[o.key] = m.dirty[o.key] || !there || old != m.live[o.key]
		return true, nil
	case "delete":
		m.forget(o.key)
		return true, there
	case "get":
		if !there {
			return true, nil
		}
		var v any
		if err := json.Unmarshal([]byte(old), &v); err != nil {
			return false, nil
		}
		return true, v
	case "keys":
		var keys []string
		for key := range m.live {
			if strings.HasPrefix(key, o.key) {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		return true, strings.Join(keys, " ")
	}
	return true, fmt.Sprintf("%d %d", m.used(), m.quota)
}

func (m *model) forget(key string) {
	_, there := m.live[key]
	_, saved := m.saved[key]
	delete(m.live, key)
	if there {
		m.dirty[key] = saved
	}
}

// flaky is a store that fails when it is told to.
type flaky struct {
	storage.Store
	fails bool
}

var errFull = errors.New("disk full")

func (f *flaky) Immediate() {}

func (f *flaky) Save(changes []storage.Change) error {
	if f.fails {
		return &storage.Error{Op: "save", Err: errFull}
	}
	return f.Store.Save(changes)
}

// operations makes what the mods do, of bytes.
func (s *source) operation() operation {
	key := [...]string{"a", "b", "ab", "abc", "k", "", strings.Repeat("x", 256), strings.Repeat("x", 257), "n1", "n2", "n3", "n4"}[s.pick(12)]
	switch s.pick(8) {
	case 0, 1, 2, 3:
		return operation{"set", key, s.stored(0)}
	case 4:
		return operation{"delete", key, nil}
	case 5:
		return operation{"get", key, nil}
	case 6:
		return operation{"keys", key[:min(len(key), 1)], nil}
	}
	return operation{"usage", "", nil}
}

// stored returns a value whose JSON is the same in encoding/json.
func (s *source) stored(depth int) any {
	n := 8
	if depth > 3 {
		n = 5
	}
	switch s.pick(n) {
	case 0:
		if depth > 0 { // where nil cannot be
			return "nil"
		}
		return nil
	case 1:
		return float64(s.pick(256)) - 100
	case 2:
		return s.pick(2) == 1
	case 3:
		return strings.Repeat("y", s.pick(256))
	case 4:
		return strings.Repeat("z", 40*s.pick(256))
	case 5:
		return []any{s.stored(depth + 1), s.stored(depth + 1)}
	case 6:
		return map[string]any{"a": s.stored(depth + 1), "b": s.stored(depth + 1)}
	}
	return float64(s.pick(256)) / 8
}

// FuzzStorage holds the capability "storage" of two mods against a model: sequences
// of operations and ticks, hosts that end and begin again on the same store with
// other quotas, and a store that fails for a while. Every 16th time the store is one
// on disk.
func FuzzStorage(f *testing.F) {
	for i := range 20 {
		f.Add(generate.Bytes(uint64(i), 16*i), i%5 == 0)
	}
	f.Fuzz(func(t *testing.T, data []byte, disk bool) {
		if len(data) > 600 {
			return
		}
		s := &source{data: data}
		folder := ""
		memory := &storage.Memory{}
		store := &flaky{Store: memory}
		if disk && len(data)%16 == 0 {
			folder = t.TempDir()
		}
		models := map[string]*model{"one": newModel(0), "two": newModel(0)}
		queue := map[string][]operation{}
		current := map[string]operation{}
		failed := false
		p := probe(func(id string) []luasandbox.Member {
			return []luasandbox.Member{
				luasandbox.Func("next", func() (any, any, any) {
					if len(queue[id]) == 0 {
						return nil, nil, nil
					}
					o := queue[id][0]
					queue[id] = queue[id][1:]
					current[id] = o
					return o.op, o.key, o.value
				}),
				luasandbox.Func("done", func(ok bool, result any) {
					o := current[id]
					wantOK, want := models[id].do(o, !failed)
					if text, isText := result.(string); isText && strings.Contains(text, "host error") {
						t.Errorf("%s: %v: %s", id, o, text)
					}
					if ok != wantOK || ok && !cmp.Equal(result, want) {
						t.Errorf("%s: %v: %v, %v, want %v, %v; %d of %d bytes are used", id, o, ok, result, wantOK, want, models[id].used(), models[id].quota)
					}
				}),
			}
		})
		for hosts := 0; hosts < 4 && (hosts == 0 || len(s.data) > 0); hosts++ {
			if folder != "" {
				var err error
				if store.Store, err = boltstore.Open(folder); err != nil {
					t.Fatal(err)
				}
			}
			quota := int64([...]int{65536, 2000, 200, 40, 9000}[s.pick(5)])
			for _, m := range models {
				m.quota, m.live = quota, maps.Clone(m.saved)
				clear(m.dirty)
			}
			// The model saves when the host does, if there is something to save.
			failed = false
			save := func() {
				for _, m := range models {
					for _, dirty := range m.dirty {
						if dirty {
							if failed = store.fails; failed {
								return
							}
						}
					}
				}
				for _, m := range models {
					m.saved = maps.Clone(m.live)
					clear(m.dirty)
				}
			}
			w := newWorld(t, store, p, storageProgram, fmt.Sprintf("quota = %d\n", quota), "one", "two")
			w.tick() // the main files
			for ticks := 0; ticks < 20 && len(s.data) > 0; ticks++ {
				for range s.pick(6) {
					id := [...]string{"one", "two"}[s.pick(2)]
					queue[id] = append(queue[id], s.operation())
				}
				store.fails = s.pick(5) == 4
				w.tick()
				for id, left := range queue {
					if len(left) > 0 {
						t.Fatalf("%s did not do %v: %s", id, left, w.log.String())
					}
				}
				save()
				if s.pick(8) == 7 {
					break
				}
			}
			store.fails = s.pick(5) == 4
			if s.pick(2) == 0 {
				if err := w.stop(); (err != nil) != store.fails && err != nil {
					t.Fatal(err)
				}
				save()
			}
			store.fails = s.pick(9) == 8
			err := w.end()
			save()
			if (err != nil) != failed {
				t.Errorf("Close: %v; values were lost: %v", err, failed)
			}
			store.fails = false
		}
		if folder == "" {
			for id, m := range models {
				if kept, err := memory.Load(id); err != nil || !maps.Equal(kept, m.saved) {
					t.Errorf("%s: the store has %v, %v, want %v", id, kept, err, m.saved)
				}
			}
		}
	})
}
