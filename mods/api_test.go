package mods_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/storage"
)

// apiDoc is the part of the API document that the tests look at.
type apiDoc struct {
	APIVersion   string `json:"api_version"`
	Hooks        []struct{ Name string }
	Events       []mods.Event
	Capabilities []struct {
		Name, Version, Table, Doc, Deprecated, Flag string
		Risk                                        mods.Risk
		Sensitive, Allowed                          bool
		IO                                          mods.IOLimits
		Options                                     []mods.Option
		Schema                                      struct {
			Grants []struct {
				Name      string
				Functions []struct{ Name, Doc string }
			}
		}
	}
}

func TestAPIDocument(t *testing.T) {
	cfg := mods.Config{
		APIVersion: "3.1.0",
		Policy:     mods.Policy{Allow: []string{"log", "world"}},
		Events:     []mods.Event{{Name: "wave", Doc: "A wave begins.", Overflow: mods.Coalesce, Key: "number"}},
		Capabilities: []mods.Capability{
			worldCapability("1.0.0", "use 2.0.0", ""),
			worldCapability("2.0.0", "", ""),
			worldCapability("3.0.0-beta", "", "world3"),
		},
	}
	text, err := newWorld(t, cfg).API()
	if err != nil {
		t.Fatal(err)
	}
	again, err := newWorld(t, cfg).API()
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("two hosts with the same configuration differ: %v", err)
	}
	var doc apiDoc
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.APIVersion != "3.1.0" || len(doc.Hooks) != 7 || len(doc.Events) != 1 || doc.Events[0].Key != "number" {
		t.Errorf("%+v", doc)
	}
	var names []string
	for _, c := range doc.Capabilities {
		names = append(names, c.Name+" "+c.Version)
		if c.Doc == "" || c.Table == "" || c.Risk == "" || len(c.Schema.Grants) != 1 || len(c.Schema.Grants[0].Functions) == 0 || c.IO.OpsPerTick == 0 {
			t.Errorf("%+v", c)
		}
		for _, f := range c.Schema.Grants[0].Functions {
			if f.Doc == "" {
				t.Errorf("%s.%s has no documentation", c.Name, f.Name)
			}
		}
		if want := c.Name == "log" || c.Name == "world"; c.Allowed != want {
			t.Errorf("%s is allowed: %v", c.Name, c.Allowed)
		}
	}
	if !slices.IsSorted(names[:5]) || strings.Join(names[len(names)-3:], ", ") != "world 3.0.0-beta, world 2.0.0, world 1.0.0" {
		t.Errorf("%q", names)
	}
	last := doc.Capabilities[len(doc.Capabilities)-1]
	if last.Deprecated != "use 2.0.0" || len(last.Options) != 2 || last.Options[1].Max != 100 || last.Options[1].Default != 10.0 {
		t.Errorf("%+v", last)
	}
}

// worldCapability is what an engine declares.
func worldCapability(version, deprecated, flag string) mods.Capability {
	return mods.Capability{
		Name: "world", Version: version, Doc: "Change the world.", Risk: mods.RiskMedium,
		Deprecated: deprecated, Flag: flag,
		Options: []mods.Option{
			{Name: "spawn", Type: mods.FlagOption, Doc: "whether it may create things"},
			{Name: "max_entities", Type: mods.CountOption, Doc: "how many things it may create", Default: int64(10), Min: 1, Max: 100},
		},
		Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
			n := int64(0)
			return []luasandbox.Member{
				luasandbox.Func("spawn", func(kind string) (int64, error) {
					switch {
					case !g.Options().Flag("spawn"):
						return 0, luasandbox.Errorf("world.spawn: the manifest does not ask for it")
					case n == g.Options().Int("max_entities"):
						return 0, luasandbox.Errorf("world.spawn: %d things are all there may be", n)
					}
					n++
					return n, nil
				}, luasandbox.Params("kind"), luasandbox.Returns("id"), luasandbox.Doc("Creates a thing.")),
				luasandbox.Func("version", func() string { return version }, luasandbox.Doc("Returns the version of the capability.")),
			}, nil
		},
	}
}

func TestMistakesInDeclarationsShowWhenTheHostIsOpened(t *testing.T) {
	fine := func() mods.Capability { return worldCapability("1.0.0", "", "") }
	for name, change := range map[string]func(*mods.Capability){
		"name":             func(c *mods.Capability) { c.Name = "World" },
		"built in":         func(c *mods.Capability) { c.Name = "log" },
		"version":          func(c *mods.Capability) { c.Version = "v1" },
		"risk":             func(c *mods.Capability) { c.Risk = "some" },
		"neither":          func(c *mods.Capability) { c.Grant = nil },
		"both":             func(c *mods.Capability) { c.Members = []luasandbox.Member{luasandbox.Value("x", 1)} },
		"option's name":    func(c *mods.Capability) { c.Options[0].Name = "Spawn" },
		"option twice":     func(c *mods.Capability) { c.Options[1].Name = "spawn" },
		"option reason":    func(c *mods.Capability) { c.Options[1].Name = "reason" },
		"option version":   func(c *mods.Capability) { c.Options[1].Name = "version" },
		"default too much": func(c *mods.Capability) { c.Options[1].Default = int64(101) },
		"default's type":   func(c *mods.Capability) { c.Options[1].Default = 10 },
		"negative IO":      func(c *mods.Capability) { c.IO.Ops = -1 },
		"function": func(c *mods.Capability) {
			c.Grant, c.Members = nil, []luasandbox.Member{luasandbox.Func("f", func(chan int) {})}
		},
		"panic": func(c *mods.Capability) { c.Grant = func(*mods.Grantee) ([]luasandbox.Member, error) { panic("oh") } },
		"Grant errs": func(c *mods.Capability) {
			c.Grant = func(*mods.Grantee) ([]luasandbox.Member, error) { return nil, errors.New("oh") }
		},
	} {
		c := fine()
		change(&c)
		_, err := mods.Open(mods.Config{Capabilities: []mods.Capability{c}})
		var config *mods.ConfigError
		if !errors.As(err, &config) || config.Field != "Capabilities" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := mods.Open(mods.Config{Capabilities: []mods.Capability{fine(), fine()}}); err == nil {
		t.Error("two of one version are accepted")
	}
	h, err := mods.Open(mods.Config{Capabilities: []mods.Capability{fine()}})
	if err != nil {
		t.Fatal(err)
	}
	h.Close()
}

// Each of Pause, Resume, Disable and Enable takes effect with the next tick.
func TestControl(t *testing.T) {
	w := newWorld(t, mods.Config{})
	m := w.mod("ticker", `events.on("chat", function(p) print("chat " .. p) end)
		return {tick = function(n) print(n) end}`)
	w.run(1)
	w.wantPrinted("[ticker] 1")
	for _, err := range []error{w.Pause("nobody"), w.Resume("nobody"), w.Disable("nobody", ""), w.Enable("nobody")} {
		if !errors.Is(err, mods.ErrNoMod) {
			t.Error(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.Pause("ticker"))
	w.emit("chat", "hello")
	w.run(3)
	w.wantPrinted()
	if m.State() != mods.Paused {
		t.Errorf("%s", m.State())
	}
	must(w.Resume("ticker"))
	w.run(1)
	w.wantPrinted("[ticker] chat hello", "[ticker] 5")
	must(w.Disable("ticker", "a\nreason"))
	w.run(3)
	if r := m.Report(); r.State != mods.Disabled || r.Reason != `a\nreason` {
		t.Errorf("%+v", r)
	}
	must(w.Enable("ticker"))
	w.run(2)
	w.wantPrinted("[ticker] 9", "[ticker] 10")
	w.well(m)
	_ = w.Close()
	if err := w.Pause("ticker"); !errors.Is(err, mods.ErrClosed) {
		t.Error(err)
	}
	if err := w.Tick(context.Background(), 0); !errors.Is(err, mods.ErrClosed) {
		t.Error(err)
	}
}

func ExampleHost_API() {
	host, err := mods.Open(mods.Config{Capabilities: []mods.Capability{{
		Name: "weather", Doc: "Make rain.", Risk: mods.RiskLow,
		Members: []luasandbox.Member{
			luasandbox.Func("rain", func(hours float64) {}, luasandbox.Params("hours"), luasandbox.Doc("Makes it rain.")),
		},
	}}})
	if err != nil {
		panic(err)
	}
	defer host.Close()
	text, err := host.API()
	if err != nil {
		panic(err)
	}
	var doc struct {
		Capabilities []struct{ Name, Risk string }
	}
	_ = json.Unmarshal(text, &doc)
	for _, c := range doc.Capabilities {
		if c.Name == "weather" || c.Name == "json" {
			fmt.Println(c.Name, c.Risk)
		}
	}
	// Output:
	// json none
	// weather low
}

// Describe gives what a host gives, and touches nothing that a host opens.
func TestDescribe(t *testing.T) {
	var recording bytes.Buffer
	cfg := mods.Config{
		Policy: mods.Policy{Allow: []string{"log"}}, Events: []mods.Event{{Name: "wave"}},
		DataDir: t.TempDir(), Record: &recording,
		OpenStore: func(string) (storage.Store, error) { return nil, errors.New("the store was opened") },
	}
	got, err := mods.Describe(cfg)
	if err != nil || recording.Len() > 0 {
		t.Fatalf("%v, %d bytes recorded", err, recording.Len())
	}
	cfg.DataDir, cfg.OpenStore, cfg.Record = "", nil, nil
	h, err := mods.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if want, err := h.API(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, another document", err)
	}
	if _, err := mods.Describe(mods.Config{Policy: mods.Policy{Allow: []string{"telepathy"}}}); err == nil {
		t.Error("a configuration that no host takes was described")
	}
}
