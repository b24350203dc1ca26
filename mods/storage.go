package mods

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/health"
	"github.com/luasandbox/modrunner/mods/internal/jsonvalue"
	"github.com/luasandbox/modrunner/mods/storage"
)

// What a mod can save.
const (
	storageKey   = 256 // bytes of a key
	storageEntry = 32  // bytes that an entry counts for beside key and value
)

// storageCapability is "storage": storage.get, set, delete, keys, usage, and
// transaction, which is in Lua: see storagePrelude. Each
// mod's values are in memory, as JSON; what changed goes to the store from time
// to time, all of it at once.
type storageCapability struct {
	host         *Host
	store        storage.Store
	spaces       []*space // in load order
	failed       error    // why the last save failed
	transactions int64    // ever begun
	kept         map[string]health.Snapshot
	record       string  // of the mods' health, as it should be
	health       string  // and as the store has it
	saving       *saving // under way beside the frames
}

// space holds one mod's values. Where a transaction is under way, values, keys and
// used are as it left them so far; saved and dirty know nothing of it.
type space struct {
	mod         string
	used        int64
	values      map[string]string // canonical JSON
	keys        []string          // sorted
	saved       map[string]bool   // keys that the store has
	dirty       map[string]bool   // keys of values or saved that the store does not have as they are
	transaction *transaction      // nil: none
	writing     map[string]bool   // keys that a save under way writes; nil if there is none
	gone        bool              // the mod was unloaded
}

func (c *storageCapability) capability() Capability {
	quota := c.host.cfg.Policy.StorageQuota
	return Capability{
		Name: "storage", Risk: RiskLow, Grant: c.grant, prelude: storagePrelude,
		Doc: "Keep values from one session to the next, apart from all other mods' values.",
		IO:  IOLimits{OpsPerTick: 10_000, BytesPerTick: 16 << 20},
		Options: []Option{{Name: "quota", Type: SizeOption, Default: min(DefaultStorageQuota, quota), Min: 1, Max: float64(quota),
			Doc: "how many bytes the mod may save"}},
	}
}

func (c *storageCapability) grant(g *Grantee) ([]luasandbox.Member, error) {
	s, err := c.space(g.ID())
	if err != nil {
		return nil, err
	}
	quota := g.Options().Int("quota")
	// A change of the sorted keys moves up to all of them.
	change := 200 + quota/storageEntry*16/limits.BytesPerUnit
	// access is what comes before everything.
	access := func() error {
		if err := g.Spend(1, 0); err != nil {
			return err
		}
		return s.access(g.in.mod.current)
	}
	// open is access before a change.
	open := func(ctx context.Context) error {
		if err := c.writable(); err != nil {
			return err
		}
		if err := access(); err != nil || s.transaction == nil {
			return err
		}
		return luasandbox.Charge(ctx, change, storageEntry) // for undoing it
	}
	return []luasandbox.Member{
		luasandbox.Func("get", func(ctx context.Context, key string) (any, error) {
			if err := access(); err != nil {
				return nil, err
			}
			if err := g.Spend(0, int64(len(s.values[key]))); err != nil {
				return nil, err
			}
			return s.get(ctx, key)
		},
			luasandbox.Params("key"), luasandbox.Returns("value"),
			luasandbox.Doc("Returns a copy of what was saved under key, nil if nothing was.")),
		luasandbox.Func("set", func(ctx context.Context, key string, value any) error {
			if err := open(ctx); err != nil {
				return err
			}
			return s.set(ctx, g, quota, key, value)
		},
			luasandbox.Params("key", "value"), luasandbox.Cost(change),
			luasandbox.Doc("Saves a copy of value under key; nil forgets the key. All of it is saved, or, with an error, nothing.")),
		luasandbox.Func("delete", func(ctx context.Context, key string) (bool, error) {
			if err := open(ctx); err != nil {
				return false, err
			}
			return s.delete(key), nil
		},
			luasandbox.Params("key"), luasandbox.Returns("deleted"), luasandbox.Cost(change),
			luasandbox.Doc("Forgets a key. It returns whether there was one.")),
		luasandbox.Func("keys", func(ctx context.Context, prefix *string) ([]string, error) {
			if err := access(); err != nil {
				return nil, err
			}
			return s.list(ctx, prefix)
		},
			luasandbox.Params("prefix"), luasandbox.Returns("keys"),
			luasandbox.Doc("Returns the keys, or those that begin with prefix, in byte order.")),
		luasandbox.Func("usage", func() (int64, int64, error) {
			if err := access(); err != nil {
				return 0, 0, err
			}
			return s.used, quota, nil
		},
			luasandbox.Returns("used", "quota"),
			luasandbox.Doc("Returns how many bytes are used, and how many there are.")),
		// What a mod calls is storagePrelude's; this is the host's part of it.
		luasandbox.Func("transaction", func(fn any, args ...any) (any, *string) {
			return s.step(c, g.in.mod.current, quota, fn, args)
		},
			luasandbox.Params("fn", "args"), luasandbox.Returns("result", "more"), luasandbox.Cost(change),
			luasandbox.Doc("Calls fn(args) and returns what it returns. All that fn changes is kept, or, if it ends with an error, which then goes on, nothing. The quota counts at its end. fn can neither wait nor yield, nor begin another transaction.")),
	}, nil
}

// writable is the error of every change while the store cannot be written to:
// what cannot be kept is not taken. The reason is the operator's to know.
func (c *storageCapability) writable() error {
	if c.failed == nil {
		return nil
	}
	return scriptErrorf("storage: values cannot be saved at present")
}

// space returns a mod's values: those of an earlier life of it, or what the store has.
func (c *storageCapability) space(mod string) (*space, error) {
	if mod == "" { // nobody's
		return &space{}, nil
	}
	for _, s := range c.spaces {
		if s.mod == mod {
			s.gone = false
			return s, nil
		}
	}
	s, err := c.load(mod)
	if err != nil {
		return nil, err
	}
	c.spaces = append(c.spaces, s)
	return s, nil
}

// forget drops the values of a mod that is gone from memory, when the store has them.
func (c *storageCapability) forget(mod string) {
	for _, s := range c.spaces {
		if s.mod == mod {
			s.gone = true
		}
	}
	c.sweep()
}

// sweep drops the values of mods that are gone which the store has.
func (c *storageCapability) sweep() {
	c.spaces = slices.DeleteFunc(c.spaces, func(s *space) bool { return s.gone && len(s.dirty) == 0 && s.writing == nil })
}

// load reads a mod's values and makes sure that they can be handed out.
func (c *storageCapability) load(mod string) (*space, error) {
	values, err := c.store.Load(mod)
	if err != nil {
		return nil, err
	}
	s := &space{mod: mod, values: values, keys: sortedNames(values), saved: map[string]bool{}, dirty: map[string]bool{}}
	for _, key := range s.keys {
		s.saved[key] = true
		if _, err := decodeStored(values[key]); err != nil {
			return nil, &storage.Error{Op: "load", Mod: mod, Err: fmt.Errorf("%w: the value of key %s: %w", storage.ErrCorrupt, shown(key), err)}
		}
		s.used += entrySize(key, values[key])
	}
	return s, nil
}

func decodeStored(text string) (any, error) {
	return jsonvalue.Decode(text, jsonvalue.Decoding{Bytes: true})
}

func entrySize(key, value string) int64 {
	return int64(len(key)) + int64(len(value)) + storageEntry
}

func (s *space) get(ctx context.Context, key string) (any, error) {
	text, ok := s.values[key]
	if !ok {
		return nil, nil
	}
	if err := chargeDecoding(ctx, text); err != nil {
		return nil, err
	}
	return decodeStored(text)
}

func (s *space) set(ctx context.Context, g *Grantee, quota int64, key string, value any) error {
	if key == "" || len(key) > storageKey {
		return scriptErrorf("storage: a key of %d bytes; want 1 to %d", len(key), storageKey)
	}
	if value == nil {
		s.delete(key)
		return nil
	}
	full := func() error {
		if s.transaction != nil {
			return scriptErrorf("storage: the quota is full: inside a transaction, twice the quota can be used, and the value does not fit")
		}
		return scriptErrorf("storage: the quota is full: %d of %d bytes are used, and the value does not fit", s.used, quota)
	}
	if s.transaction != nil {
		quota *= 2 // the quota itself counts at the end
	}
	// Whether the value fits is decided below; this bounds the work.
	old, replaced := s.values[key]
	most := int(max(quota, int64(len(old)))) + storageEntry
	text, err := jsonvalue.Encode(value, jsonvalue.Encoding{Most: most, Bytes: true, Charge: charge(ctx)})
	if errors.Is(err, jsonvalue.ErrTooLarge) {
		return full()
	}
	if err != nil {
		return scriptError("storage: the value", err)
	}
	used := s.used + entrySize(key, text)
	if replaced {
		used -= entrySize(key, old)
	}
	if used > quota && used > s.used { // what makes it smaller is always taken
		return full()
	}
	if replaced && old == text {
		return nil
	}
	if err := g.Spend(0, int64(len(text))); err != nil {
		return err
	}
	s.changed(s.put(key, text), old, replaced)
	return nil
}

func (s *space) delete(key string) bool {
	text, ok := s.values[key]
	if !ok {
		return false
	}
	s.changed(s.remove(key), text, true)
	return true
}

// put puts a value in its place, and returns the key that is kept for it.
func (s *space) put(key, text string) string {
	at, there := slices.BinarySearch(s.keys, key)
	if !there {
		s.keys = slices.Insert(s.keys, at, strings.Clone(key))
	}
	key = s.keys[at] // ours, not the script's
	if there {
		s.used -= entrySize(key, s.values[key])
	}
	s.values[key] = text
	s.used += entrySize(key, text)
	return key
}

// remove removes a value that is there, and returns the key that was kept for it.
func (s *space) remove(key string) string {
	at, _ := slices.BinarySearch(s.keys, key)
	key = s.keys[at]
	s.keys = slices.Delete(s.keys, at, at+1)
	s.used -= entrySize(key, s.values[key])
	delete(s.values, key)
	return key
}

// changed notes that a key had another value, or none, before.
func (s *space) changed(key, old string, there bool) {
	if s.transaction != nil {
		s.transaction.note(s, key, old, there)
		return
	}
	s.mark(key)
}

// mark has a key saved.
func (s *space) mark(key string) {
	if _, there := s.values[key]; there || s.saved[key] || s.writing[key] {
		s.dirty[key] = true
	} else { // or a mod could make dirty grow without end
		delete(s.dirty, key)
	}
}

func (s *space) list(ctx context.Context, prefix *string) ([]string, error) {
	p := ""
	if prefix != nil {
		p = *prefix
	}
	from, _ := slices.BinarySearch(s.keys, p)
	to := from
	for to < len(s.keys) && strings.HasPrefix(s.keys[to], p) {
		to++
	}
	n := int64(to - from)
	if err := luasandbox.Charge(ctx, 16*n, 16*n); err != nil {
		return nil, err
	}
	return slices.Clone(s.keys[from:to]), nil
}
