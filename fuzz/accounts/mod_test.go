package accounts

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
)

const workManifest = `[mod]
id = "work"
version = "1.0.0"
[permissions]
log = {reason = "test"}
timer = {reason = "test"}
task = {reason = "test"}
storage = {reason = "test", quota = "256KiB"}
random = {reason = "test"}
clock = {reason = "test"}
json = {reason = "test"}
services = {reason = "test", use = ["echo/echo"]}
config = {reason = "test"}
i18n = {reason = "test"}
[permissions.events]
reason = "test"
emit = ["a", "b"]
subscribe = ["a", "b"]
[settings]
number = {type = "number", default = 1}
text = {type = "text", default = "Zürich", max_length = 1024}
flag = {type = "boolean", default = true}
`

// workTexts are the texts of the mod.
const workTexts = `{"plain": "Hello", "name": "Hello, {name}!", "apples": {"one": "{count} apple", "other": "{count} apples, {count}"}}`

// echo is the mod whose service the workloads call.
const (
	echoManifest = `[mod]
id = "echo"
version = "1.0.0"
[permissions.services]
reason = "test"
export = ["echo"]
[permissions.events]
reason = "answers the workloads"
emit = ["b"]
subscribe = ["a"]
`
	echoMain = `events.on("a", function(v) if v == "wake" then events.emit("b") end end) return {echo = function(...) return ... end}`
)

// openMod starts a mod with the source main, beside echo. A frame is enough for all
// that it does.
func openMod(t testing.TB, main string) (*mods.Host, *mods.Mod) {
	t.Helper()
	h, err := mods.Open(mods.Config{
		Limits: wide(1 << 30), Policy: mods.Policy{All: true, StorageQuota: 256 << 10},
		Frame: mods.Frame{Instructions: 1 << 36, Guard: limits.UnlimitedTime},
	})
	if err != nil {
		t.Fatal(err)
	}
	var sources []mods.Source
	for _, files := range [][2]string{{workManifest, main}, {echoManifest, echoMain}} {
		b, err := bundle.Open(fstest.MapFS{"mod.toml": {Data: []byte(files[0])}, "main.lua": {Data: []byte(files[1])}, "lang/en.json": {Data: []byte(workTexts)}}, bundle.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, mods.Source{Bundle: b})
	}
	loaded, err := h.Load(sources...)
	if err == nil {
		err = h.Tick(context.Background(), 0)
	}
	if err == nil {
		err = errors.Join(loaded[0].Err(), loaded[1].Err())
	}
	if err != nil {
		t.Fatal(err)
	}
	return h, loaded[0]
}

// tickLength is that of the ticks in which a workload waits for something.
const tickLength = 10 * time.Millisecond

// work calls the function work of the mod, and ticks until it has ended.
func work(h *mods.Host) ([]any, error) {
	r, err := h.Call("work", "work")
	if err != nil {
		return nil, err
	}
	for {
		if err := h.Tick(context.Background(), tickLength); err != nil {
			return nil, err
		}
		if results, err := r.Get(); !errors.Is(err, mods.ErrPending) {
			return results, err
		}
	}
}

func prepareMod(t testing.TB, w workload, n int) trial {
	t.Helper()
	h, _ := openMod(t, fmt.Sprintf("n = %d\n%s\nreturn {work = function()\n%s\nend}", n, w.prepare, w.work))
	return trial{
		what: fmt.Sprintf("%s, n = %d", w, n),
		run: func() error {
			_, err := work(h)
			return err
		},
		spent: func() (a account) {
			for _, m := range h.Mods() {
				r := m.Report()
				a.instructions, a.allocated = a.instructions+r.Instructions, a.allocated+r.AllocatedBytes
			}
			return a
		},
		close: func() { _ = h.Close() },
	}
}
