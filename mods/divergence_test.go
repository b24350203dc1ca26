package mods_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/recording"
)

// small is a short recording of a mod that does a little of everything.
func small(t testing.TB, change func(*mods.Config)) (*recorded, []byte) {
	t.Helper()
	r := mustPlay(t, nil, change)
	r.add(source(t, "one", askOracle, `
storage.set("n", (storage.get("n") or 0) + 1)
task.spawn(function() print(oracle.later("x")) end)
task.spawn(function() print(oracle.ask()) end)
events.on("chat", function(p) return p end)
return {tick = function(n)
  for i = 1, 3 do
    oracle.sense()
  end
  log.info("tick") print(os.time())
end}`))
	r.works <- struct{}{}
	r.tick(time.Second, time.Second)
	for len(r.lookups) == 0 {
		r.tick(time.Second)
	}
	r.lookups[0].Resolve("found")
	for !strings.Contains(r.out.String(), "x!") {
		time.Sleep(time.Millisecond) // for the work
		r.tick(time.Second)
	}
	if err := r.Emit("chat", "hello"); err != nil {
		t.Fatal(err)
	}
	r.tick(time.Second, time.Second, time.Second)
	return r, r.finish()
}

// TestDivergence: whatever is not as recorded is found, and named.
func TestDivergence(t *testing.T) {
	r, file := small(t, nil)
	r.wantSame(file, nil)
	if n := kinds(t, file)["awake with value"]; n != 1 {
		t.Errorf("%d answers are recorded with the call that they wake; want that of oracle.ask alone", n)
	}
	in := func(tick int64, change func(*recording.Frame)) func(*recording.Frame) {
		n := int64(0)
		return func(f *recording.Frame) {
			if f.Kind == recording.Tick {
				if n++; n == tick {
					change(f)
				}
			}
		}
	}
	// The last tick has the calls of the tick hook alone.
	last := r.last.Tick
	tests := []struct {
		name   string
		change func(*recording.Frame)
		want   mods.DivergenceError // Want and Got are not compared
	}{
		{"digest", in(last, func(f *recording.Frame) { f.Mods[0].Calls[1].Digest++ }),
			mods.DivergenceError{Tick: last, Mod: "one", Function: "oracle.sense", Call: 2, Where: "main.lua:8", What: "arguments or results"}},
		{"instructions of a call", in(last, func(f *recording.Frame) { f.Mods[0].Calls[3].Instructions++ }),
			mods.DivergenceError{Tick: last, Mod: "one", Function: "log.info", Call: 4, Where: "main.lua:10", What: "instructions"}},
		{"place", in(last, func(f *recording.Frame) { f.Mods[0].Calls[0].Line++ }),
			mods.DivergenceError{Tick: last, Mod: "one", Function: "oracle.sense", Call: 1, Where: "main.lua:8", What: "place"}},
		{"function", in(last, func(f *recording.Frame) { f.Mods[0].Calls[0].Function = "oracle.other" }),
			mods.DivergenceError{Tick: last, Mod: "one", Function: "oracle.sense", Call: 1, Where: "main.lua:8", What: "call"}},
		{"a call too many", in(last, func(f *recording.Frame) { f.Mods[0].Calls = f.Mods[0].Calls[:3] }),
			mods.DivergenceError{Tick: last, Mod: "one", Function: "log.info", Call: 4, Where: "main.lua:10", What: "call"}},
		{"a call too few", in(last, func(f *recording.Frame) {
			f.Mods[0].Calls = append(f.Mods[0].Calls, recording.HostCall{Function: "log.warn", Chunk: "main.lua", Line: 11})
		}), mods.DivergenceError{Tick: last, Mod: "one", Function: "log.warn", Call: 5, Where: "main.lua:11", What: "call"}},
		{"instructions", in(last, func(f *recording.Frame) { f.Mods[0].Instructions++ }),
			mods.DivergenceError{Tick: last, Mod: "one", What: "instructions"}},
		{"memory", in(last, func(f *recording.Frame) { f.Mods[0].Memory++ }),
			mods.DivergenceError{Tick: last, Mod: "one", What: "bytes of memory"}},
		{"figures", in(last, func(f *recording.Frame) { f.Mods[0].State++ }),
			mods.DivergenceError{Tick: last, Mod: "one", What: "hash of output, violations and other figures"}},
		{"a mod that ran", in(last, func(f *recording.Frame) { f.Mods = append(f.Mods, recording.Mod{ID: "two"}) }),
			mods.DivergenceError{Tick: last, Mod: "two", What: "what ran"}},
		{"a mod that did not run", in(last, func(f *recording.Frame) { f.Mods = nil }),
			mods.DivergenceError{Tick: last, Mod: "one", Function: "oracle.sense", Call: 1, Where: "main.lua:8", What: "call"}},
		{"store", in(1, func(f *recording.Frame) { f.Store = nil }),
			mods.DivergenceError{Tick: 1, Mod: "one", What: "use of the store"}},
		{"store values", in(1, func(f *recording.Frame) { f.Store[0].Values = map[string]string{"n": "7"} }),
			mods.DivergenceError{Tick: 1, Mod: "one", Function: "storage.get", Call: 1, Where: "main.lua:2", What: "arguments or results"}},
		{"time of day", in(last, func(f *recording.Frame) { f.Wall = f.Wall.Add(time.Minute) }),
			mods.DivergenceError{Tick: last, Mod: "one", What: "hash of output, violations and other figures"}},
		{"length of the tick", in(last, func(f *recording.Frame) { f.DT++ }),
			mods.DivergenceError{Tick: last, Mod: "one", Function: "oracle.sense", Call: 1, Where: "main.lua:8", What: "arguments or results"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			again := r.replay(altered(t, file, test.change), nil)
			var got *mods.DivergenceError
			if err := again.repeat(); !errors.As(err, &got) {
				t.Fatal(err)
			}
			want := test.want
			want.Want, want.Got = got.Want, got.Got
			if diff := cmp.Diff(&want, got, cmp.AllowUnexported(mods.DivergenceError{}), ignoreNumber); diff != "" {
				t.Error(diff)
			}
			if got.Want == got.Got || got.Want == "" || got.Got == "" {
				t.Errorf("%q and %q", got.Want, got.Got)
			}
			// It is told once, and the replay goes on without comparing.
			if err := again.repeat(); err != nil && test.want.What != "what ran" {
				t.Errorf("told twice: %v", err)
			}
		})
	}
	t.Run("engine", func(t *testing.T) {
		again := r.replay(file, nil)
		again.noise = 0.5
		var got *mods.DivergenceError
		if err := again.repeat(); !errors.As(err, &got) || got.Function != "oracle.sense" || got.Call == 0 || got.Where != "main.lua:8" {
			t.Errorf("%v", err)
		}
	})
	for _, kind := range []recording.InputKind{recording.Answer, recording.Awake} {
		t.Run(fmt.Sprint("input ", kind), func(t *testing.T) {
			damaged := altered(t, file, func(f *recording.Frame) {
				for i := range f.Inputs {
					if f.Inputs[i].Kind == kind {
						f.Inputs[i].Number += 100
					}
				}
			})
			var got *mods.DivergenceError
			if err := r.replay(damaged, nil).repeat(); !errors.As(err, &got) || got.Mod != "one" {
				t.Error(err)
			}
		})
	}
}

var ignoreNumber = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".number" }, cmp.Ignore())

// TestReplayNeedsTheSameHost: each thing that mods can notice is compared.
func TestReplayNeedsTheSameHost(t *testing.T) {
	r, file := small(t, nil)
	for field, change := range map[string]func(*mods.Config){
		"Seed":               func(c *mods.Config) { c.Seed++ },
		"Limits":             func(c *mods.Config) { c.Limits.Memory++ },
		"Memory":             func(c *mods.Config) { c.Memory = 1 << 30 },
		"Frame.Instructions": func(c *mods.Config) { c.Frame.Instructions++ },
		"Frame.Workers":      func(c *mods.Config) { c.Frame.Workers = 1 },
		"Priorities":         func(c *mods.Config) { c.Priorities = map[string]mods.Priority{"one": {Weight: 7}} },
		"Health":             func(c *mods.Config) { c.Health.Window = time.Hour },
		"Policy":             func(c *mods.Config) { c.Policy.StorageQuota = 1000 },
		"Flags":              func(c *mods.Config) { c.Flags = map[string][]string{"one": {"x"}} },
		"Language":           func(c *mods.Config) { c.Language = "de" },
		"SaveEvery":          func(c *mods.Config) { c.SaveEvery++ },
		"APIVersion":         func(c *mods.Config) { c.APIVersion = "1.0.0" },
		"Capabilities":       func(c *mods.Config) { c.Capabilities[0].Version = "1.0.1" },
		"Events":             func(c *mods.Config) { c.Events = c.Events[1:] },
	} {
		_, err := play(t, &mods.Replay{Recording: bytes.NewReader(file), Sources: r.sources}, change)
		var got *mods.ReplayError
		if !errors.As(err, &got) || got.Field != field || got.Want == got.Have {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err := play(t, &mods.Replay{Recording: bytes.NewReader(file)}, func(c *mods.Config) { c.Record = io.Discard })
	var config *mods.ConfigError
	if !errors.As(err, &config) || config.Field != "Replay" {
		t.Error(err)
	}
	if _, err := play(t, &mods.Replay{}, nil); !errors.As(err, &config) {
		t.Error(err)
	}
	if _, err := play(t, &mods.Replay{Recording: strings.NewReader("x")}, nil); !errors.Is(err, recording.ErrFormat) {
		t.Error(err)
	}
}

func TestReplayNeedsTheSameMods(t *testing.T) {
	r, file := small(t, nil)
	changed := source(t, "one", askOracle, `return {tick = function() oracle.sense() log.info("other") end}`)
	for name, sources := range map[string][]mods.Source{"changed": {changed}, "missing": {}, "another": {source(t, "two", "", "")}} {
		again := mustPlay(t, &mods.Replay{Recording: bytes.NewReader(file), Sources: sources}, nil)
		err := again.Tick(context.Background(), 0)
		var got *mods.ReplayError
		if !errors.As(err, &got) || got.Mod != "one" || got.Field != "mod" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if second := again.Tick(context.Background(), 0); second != err {
			t.Errorf("%s: the second time %v", name, second)
		}
		if want := changed.Bundle.Digest(); name == "changed" && !strings.Contains(got.Have, want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	again := mustPlay(t, &mods.Replay{Recording: bytes.NewReader(file), Sources: []mods.Source{changed}, Changed: true}, nil)
	var got *mods.DivergenceError
	if err := again.repeat(); !errors.As(err, &got) || got.Call != 1 || got.Tick != 1 {
		t.Error(err)
	}
	// Of a mod that was changed and calls the same, nothing else is compared.
	text, err := r.sources[0].Bundle.ReadFile("main.lua")
	if err != nil {
		t.Fatal(err)
	}
	same := source(t, "one", askOracle, strings.Replace(string(text), "  log.info", "  n = n + 1\n\n  log.info", 1))
	again = mustPlay(t, &mods.Replay{Recording: bytes.NewReader(file), Sources: []mods.Source{same}, Changed: true}, nil)
	if err := again.repeat(); err != nil {
		t.Error(err)
	}
}

// TestEveryFieldIsCompared: what is configured, and not compared, is nothing that mods
// can notice, or comes from the recording.
func TestEveryFieldIsCompared(t *testing.T) {
	_, file := small(t, nil)
	in, err := recording.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"DataDir", "OpenStore", "Output", "Logger", "Audit", "Metrics", "Now", "Elapsed", "Record", "Replay",
		"Gatekeeper"} // of which mods notice what they are given
	for _, f := range in.Header().Fields {
		name, _, _ := strings.Cut(f.Name, ".")
		known = append(known, name)
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[mods.Config]()) {
		if !slices.Contains(known, f.Name) {
			t.Errorf("Config.%s is not in the header", f.Name)
		}
	}
}

// TestEveryInputIsRecorded: what is said to a host, and not recorded, would make a
// replay differ without a reason.
func TestEveryInputIsRecorded(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var inputs, described []string
	set := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil {
				continue
			}
			receiver := types.ExprString(fn.Recv.List[0].Type)
			params := fn.Type.Params.List
			if fn.Name.Name == "apply" && len(params) == 1 && types.ExprString(params[0].Type) == "*Host" {
				inputs = append(inputs, receiver)
			}
			if receiver == "*journal" && fn.Name.Name == "describe" {
				ast.Inspect(fn, func(n ast.Node) bool {
					if c, ok := n.(*ast.CaseClause); ok {
						for _, e := range c.List {
							described = append(described, types.ExprString(e))
						}
					}
					return true
				})
			}
		}
	}
	// What is the journal's own, or concerns the audit log alone.
	described = append(described, "*awakeInput", "*refusedInput")
	slices.Sort(inputs)
	slices.Sort(described)
	if diff := cmp.Diff(described, inputs); diff != "" || len(inputs) < 10 {
		t.Errorf("described by the journal, and inputs: %s", diff)
	}
}
