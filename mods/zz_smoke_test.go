package mods_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
)

func smokeBundle(t testing.TB, files ...string) *bundle.Bundle {
	t.Helper()
	fs := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		fs[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	b, err := bundle.Open(fs, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSmoke(t *testing.T) {
	for _, workers := range []int{0, 1, 4} {
		var out bytes.Buffer
		h, err := mods.Open(mods.Config{Policy: mods.PolicyAll, Output: &out, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
			Events: []mods.Event{{Name: "chat", Fallback: func(p any) any { return "nobody" }}},
			Frame:  mods.Frame{Guard: limits.UnlimitedTime, Workers: workers}})
		if err != nil {
			t.Fatal(err)
		}
		a := smokeBundle(t, "mod.toml", `[mod]
id = "aaa"
version = "1.0.0"
[permissions]
log = {reason = "x"}
task = {reason = "x"}
timer = {reason = "x"}
events = {reason = "x", emit = ["ping"], subscribe = ["chat", "pong"]}
services = {reason = "x", use = ["bbb/add"]}
[dependencies]
bbb = "^1.0.0"
`, "main.lua", `
print("main a")
task.spawn(function(x) print("spawned", x) task.sleep(0.1) print("slept", x)
  print("service", services.call("bbb", "add", 1, 2))
  print(pcall(services.call, "bbb", "sub", 1, 2))
  events.emit("ping", {n=1})
  print("waited", task.wait("pong", 5))
  print("waited", task.wait("pong", 0.2))
end, 7)
timer.every(0.1, function() print("beat") end)
events.on("chat", function(p) print("chat", p.text) return "hello " .. p.text end)
return {start=function() print("start a") end, tick=function(n, dt) print("tick", n, dt) end, price = function(x) return x*2 end}
`)
		b := smokeBundle(t, "mod.toml", `[mod]
id = "bbb"
version = "1.0.0"
[permissions]
events = {reason = "x", emit = ["pong"], subscribe = ["ping"]}
services = {reason = "x", export = ["add"]}
`, "main.lua", `
print("main b")
events.on("ping", function(p) print("got ping", p.n) events.emit("pong", {n = p.n + 1}) end)
return {start=function() print("start b") end, add = function(x, y) return x + y end, spin = function() while true do end end}
`)
		ms, err := h.Load(mods.Source{Bundle: a, Path: "a"}, mods.Source{Bundle: b, Path: "b"})
		if err != nil {
			t.Fatal(err)
		}
		_ = ms
		h.Emit("chat", map[string]any{"text": "hi"})
		var q, c, s *mods.Reply
		for i := range 30 {
			if i == 2 {
				q, _ = h.Ask("chat", map[string]any{"text": "you"})
				c, _ = h.Call("aaa", "price", 21)
				s, _ = h.Call("bbb", "spin")
			}
			if err := h.Tick(context.Background(), 50*time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Println(out.String())
		fmt.Println(q.Get())
		fmt.Println(c.Get())
		fmt.Println(s.Get())
		for _, r := range h.Status().Mods {
			fmt.Printf("%+v\n", r)
		}
		if err := h.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
