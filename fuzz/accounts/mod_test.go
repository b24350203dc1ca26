package accounts

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/fstest"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
)

// workCapability lets a mod hand over the function that is its work.
type workCapability struct {
	mod *mods.Mod
	fn  *luasandbox.Function
}

func (*workCapability) Name() string           { return "work" }
func (*workCapability) Doc() string            { return "Takes the mod's work." }
func (*workCapability) Options() []mods.Option { return nil }

func (c *workCapability) Grant(m *mods.Mod, _ mods.Options) (*luasandbox.Grant, error) {
	c.mod = m
	return luasandbox.NewGrant("work", c.Doc(), luasandbox.Func("take", func(fn *luasandbox.Function) { c.fn = fn })), nil
}

const workManifest = `[mod]
id = "work"
version = "1.0.0"
[permissions]
log = {reason = "test"}
timer = {reason = "test"}
storage = {reason = "test", quota = "256KiB"}
random = {reason = "test"}
clock = {reason = "test"}
json = {reason = "test"}
work = {reason = "test"}
[permissions.events]
reason = "test"
emit = ["a"]
subscribe = ["a"]
`

// openMod starts a mod with the source main.
func openMod(t testing.TB, main string) (*mods.Host, *workCapability) {
	t.Helper()
	c := &workCapability{}
	h, err := mods.NewHost(mods.HostConfig{
		Limits: wide(1 << 30), Policy: mods.Policy{All: true, StorageQuota: 256 << 10}, Capabilities: []mods.Capability{c},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte(workManifest)}, "main.lua": {Data: []byte(main)},
	}, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.Add(b, "work")
	if err == nil {
		err = h.Start(context.Background())
	}
	if err == nil {
		err = m.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	return h, c
}

func prepareMod(t testing.TB, w workload, n int) trial {
	t.Helper()
	h, c := openMod(t, fmt.Sprintf("n = %d\n%s\nwork.take(function()\n%s\nend)", n, w.prepare, w.work))
	if c.fn == nil {
		t.Fatalf("%s, n = %d: the mod gave no work: %+v", w, n, c.mod.Report())
	}
	return trial{
		what: fmt.Sprintf("%s, n = %d", w, n),
		run: func() error {
			_, err := c.mod.Call(context.Background(), "work", c.fn)
			return err
		},
		spent: func() account {
			r := c.mod.Report()
			return account{r.Instructions, r.AllocatedBytes}
		},
		close: func() { _ = h.Close() },
	}
}
