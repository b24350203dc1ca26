package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// game is a host with one mod, which prints.
type game struct {
	t    *testing.T
	host *mods.Host

	mu     sync.Mutex
	output []string
	audit  []string
	now    time.Time
}

func (g *game) Write(line []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.output = append(g.output, strings.TrimSuffix(strings.TrimPrefix(string(line), "[asker] "), "\n"))
	return len(line), nil
}

func (g *game) Append(r audit.Record) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Kind == "call" {
		var b strings.Builder
		for _, a := range r.Attrs {
			fmt.Fprintf(&b, "%s=%s ", a.Key, a.Value)
		}
		g.audit = append(g.audit, strings.TrimSpace(b.String()))
	}
	return nil
}

func openGame(t *testing.T, o Options, cfg mods.Config) *game {
	t.Helper()
	g := &game{t: t, now: time.Unix(0, 0)}
	cfg.Policy, cfg.Capabilities = mods.PolicyAll, []mods.Capability{Capability(o)}
	cfg.Output, cfg.Audit, cfg.Logger = g, g, slog.New(slog.DiscardHandler)
	cfg.Now = func() time.Time { return g.now }
	cfg.Frame.Guard = limits.UnlimitedTime
	host, err := mods.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	g.host = host
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func (g *game) load(permission, lua string) error {
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte("[mod]\nid = \"asker\"\nversion = \"1.0.0\"\n[permissions]\nhttp = { reason = \"asks\", " + permission + " }\n")},
		"main.lua": {Data: []byte(lua)},
	}, bundle.Limits{})
	if err != nil {
		g.t.Fatal(err)
	}
	_, err = g.host.Load(mods.Source{Bundle: b, Path: "asker"})
	return err
}

// lines ticks until so many lines were printed, and returns them.
func (g *game) lines(n int) []string {
	g.t.Helper()
	return g.until(func(out []string) bool { return len(out) >= n })
}

// until ticks until what was printed is enough, and returns it.
func (g *game) until(enough func([]string) bool) []string {
	g.t.Helper()
	for range 100_000 {
		if err := g.host.Tick(g.t.Context(), time.Second/60); err != nil {
			g.t.Fatal(err)
		}
		g.mu.Lock()
		out := g.output
		g.mu.Unlock()
		if enough(out) {
			return out
		}
		runtime.Gosched()
		time.Sleep(100 * time.Microsecond)
	}
	g.t.Fatalf("only %q; the mod: %+v", g.output, g.host.Mods()[0].Report())
	return nil
}

// TestCapability: a mod asks, in what look like ordinary calls, while the game ticks.
func TestCapability(t *testing.T) {
	release := make(chan struct{})
	n := newNetwork(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/slow" {
			<-release
		}
		w.Header().Set("X-Method", r.Method)
		w.WriteHeader(201)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.RequestURI(), r.Header.Get("Accept"))
	}))
	n.resolves("inside.example.com", netip.MustParseAddr("10.0.0.1"))
	o := n.options()
	o.Rate, o.Burst = 100, 100
	o.MaxResponseBytes = 1000
	g := openGame(t, o, mods.Config{})
	err := g.load(`hosts = ["*.example.com"], paths = ["/v1"], methods = ["GET", "POST"]`, `
		local function show(...)
			local n, t = select("#", ...), {...}
			if type(t[1]) == "table" then t[1] = t[1].status .. " " .. t[1].headers["x-method"] .. " " .. t[1].body end
			for i = 1, n do t[i] = tostring(t[i]) end
			print(table.concat(t, "; "))
		end
		show(http.get("https://api.example.com/v1/a?q=" .. http.escape("x y")))
		show(http.get("https://api.example.com/v1/a", {headers = {Accept = "text/x"}, timeout = 5, max_bytes = 100}))
		show(http.request{url = "https://api.example.com/v1/b", method = "POST", body = "hello"})
		show(http.get("https://unknown.example.com/v1/"))
		show(http.get("https://inside.example.com/v1/"))
		show(http.get("https://api.example.com/v1/a", {max_bytes = 3}))
		show(pcall(http.get, "https://evil.example/"))
		show(pcall(http.get, "https://api.example.com/admin"))
		show(pcall(http.get, "http://api.example.com/v1"))
		show(pcall(http.request, {url = "https://api.example.com/v1", method = "DELETE"}))
		show(pcall(http.request, {url = "https://api.example.com/v1", headers = {Cookie = "a"}}))
		show(pcall(http.get, "https://api.example.com/v1/a", {timeout = -1}))
		show(pcall(http.get, "https://127.0.0.1/v1"))
	`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"201 GET GET /v1/a?q=x%20y ",
		"201 GET GET /v1/a text/x",
		"201 POST POST /v1/b ",
		"nil; unknown.example.com is not known",
		"nil; inside.example.com has an address that is not on the public internet",
		"nil; the response of api.example.com is too large",
		"false; http: https://evil.example is not among the hosts of the manifest (*.example.com)",
		"false; http: the path /admin is not below one of the paths of the manifest (/v1)",
		"false; http: http://api.example.com is not encrypted, and the manifest does not ask for plain_http; use https",
		`false; http: "DELETE" is not among the methods of the manifest (GET, POST)`,
		`false; http: header "Cookie": this header cannot be set`,
		"false; http: the timeout is negative",
		`false; http: "127.0.0.1" is no host that can be asked: it is an address, or ends like one; a name is needed`,
	}
	if diff := cmp.Diff(want, g.lines(len(want))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"function=http.request method=GET url=https://api.example.com/v1/a",
		"function=http.request method=GET url=https://api.example.com/v1/a",
		"function=http.request method=POST url=https://api.example.com/v1/b",
	}, g.audit[:3]); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	if len(g.audit) != len(want) || !strings.HasPrefix(g.audit[6], "function=http.denied rule=hosts text=") {
		t.Errorf("audit: %q", g.audit)
	}
	close(release)
}

// TestFramesGoOn: while a request waits for its server, the mod's other work and the
// game's frames go on.
func TestFramesGoOn(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	n := newNetwork(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		fmt.Fprint(w, "answer")
	}))
	g := openGame(t, n.options(), mods.Config{})
	if err := g.load(`hosts = ["api.example.com"] }
		task = { reason = "waits"`, `
		return {
			start = function()
				task.spawn(function()
					print("before")
					local r, message = http.get("https://api.example.com/")
					print(r and r.body or message)
				end)
			end,
			tick = function(n) if n % 5 == 0 then print("tick") end end,
		}`); err != nil {
		t.Fatal(err)
	}
	if out := g.lines(1); out[0] != "before" {
		t.Fatalf("%q", out)
	}
	<-arrived
	if diff := cmp.Diff([]string{"before", "tick", "tick", "tick"}, g.lines(4)); diff != "" {
		t.Errorf("while it waits (-want +got):\n%s", diff)
	}
	close(release)
	g.until(func(out []string) bool { return slices.Contains(out, "answer") })
}

// TestUnloadEndsRequests: what a mod has under way ends with it, at the server too.
func TestUnloadEndsRequests(t *testing.T) {
	for _, end := range []string{"unload", "close"} {
		arrived, gone := make(chan struct{}), make(chan struct{})
		n := newNetwork(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			<-r.Context().Done()
			close(gone)
		}))
		g := openGame(t, n.options(), mods.Config{})
		if err := g.load(`hosts = ["api.example.com"]`, `print("asks") http.get("https://api.example.com/") print("not reached")`); err != nil {
			t.Fatal(err)
		}
		g.lines(1)
		<-arrived
		if end == "close" {
			if err := g.host.Close(); err != nil {
				t.Error(err)
			}
		} else {
			if err := g.host.Unload("asker"); err != nil {
				t.Fatal(err)
			}
			if err := g.host.Tick(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		}
		<-gone
		if len(g.output) != 1 {
			t.Errorf("%s: %q", end, g.output)
		}
	}
}

// TestRate: requests beyond the rate are refused, refused ones counted, and nothing
// of them arrives.
func TestRate(t *testing.T) {
	arrived := 0
	n := newNetwork(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived++ }))
	o := n.options()
	o.Rate, o.Burst = 1, 3
	g := openGame(t, o, mods.Config{})
	if err := g.load(`hosts = ["api.example.com"]`, `
		return { tick = function()
			local ok, r, message = pcall(http.get, "https://api.example.com/")
			if not ok then print(r) return end
			pcall(http.get, "https://evil.example/")
			print(r and r.status or message)
		end }`); err != nil {
		t.Fatal(err)
	}
	out := g.lines(5)
	if out[0] != "200" || out[1] != "200" || !strings.Contains(out[4], "1 operations in a second") {
		t.Errorf("%q", out)
	}
	if arrived > 3 {
		t.Errorf("%d requests arrived", arrived)
	}
	g.now = g.now.Add(time.Hour) // the control: later there are more
	before := len(g.output)
	if got := g.lines(before + 1)[before]; got != "200" && got != out[4] {
		t.Errorf("%q", got)
	}
	for range 100 {
		g.lines(len(g.output) + 1)
	}
	if arrived < 4 {
		t.Errorf("%d requests arrived after an hour", arrived)
	}
}

// TestBytes: what a response can have is paid for before the request.
func TestBytes(t *testing.T) {
	n := newNetwork(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") }))
	o := n.options()
	o.MaxInFlight, o.Rate, o.Burst = 1, 100, 100
	for options, want := range map[string][]string{
		`{}`:                           {"false", "true"}, // the second one is the first to end
		`{max_bytes = 1}`:              {"true", "true"},
		`{max_bytes = 1, timeout=0/0}`: {"false", "false"},
	} {
		g := openGame(t, o, mods.Config{})
		if err := g.load(`hosts = ["api.example.com"] }
			task = { reason = "asks twice at a time"`, `
			for i = 1, 2 do
				task.spawn(function() print((pcall(http.get, "https://api.example.com/", `+options+`))) end)
			end`); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, g.lines(2)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", options, diff)
		}
	}
}

// TestStringLimit: a response that would be too long a string for the mod is too
// large, which is no violation.
func TestStringLimit(t *testing.T) {
	n := newNetwork(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 5000)) }))
	for limit, want := range map[int64]string{4096: "nil the response of api.example.com is too large", 8192: "5000 nil"} {
		g := openGame(t, n.options(), mods.Config{Limits: limits.Limits{String: limit}})
		if err := g.load(`hosts = ["api.example.com"]`, `
			local r, message = http.get("https://api.example.com/", {max_bytes = 100000})
			print((r and #r.body or "nil") .. " " .. tostring(message))`); err != nil {
			t.Fatal(err)
		}
		if got := g.lines(1)[0]; got != want {
			t.Errorf("with strings of %d bytes: %s, want %s", limit, got, want)
		}
	}
}

// TestManifests: what a manifest asks for is held against the operator's options
// before anything runs, with its place.
func TestManifests(t *testing.T) {
	g := openGame(t, Options{AllowHosts: []string{"*.example.com"}, AllowHeaders: []string{"X-Api-Key"}}, mods.Config{})
	for permission, want := range map[string]string{
		`hosts = ["evil.example"]`: `permissions.http.hosts: "evil.example": the host does not allow it`,
		`hosts = ["127.0.0.1"]`:    `permissions.http.hosts: "127.0.0.1": no host that can be asked: it is an address`,
		`hosts = ["*"]`:            `permissions.http.hosts: "*": name the hosts`,
		`hosts = []`:               `permissions.http.hosts: name the hosts that may be asked`,
		`paths = ["/"]`:            `the capability "http" needs the option "hosts"`,
		`hosts = ["api.example.com"], methods = ["POST"]`:          `permissions.http.methods: "POST": the host does not allow it`,
		`hosts = ["api.example.com"], methods = ["TRACE"]`:         `permissions.http.methods: "TRACE" is none of GET`,
		`hosts = ["api.example.com"], paths = ["/a/../b"]`:         `permissions.http.paths: "/a/../b": the path has a part`,
		`hosts = ["api.example.com"], headers = ["Host"]`:          `permissions.http.headers: "Host": this header cannot be set`,
		`hosts = ["api.example.com"], headers = ["Authorization"]`: `permissions.http.headers: "authorization": the host does not allow it`,
		`hosts = ["api.example.com"], plain_http = true`:           `permissions.http.plain_http: the host does not allow it`,
		`hosts = ["api.example.com"], proxy = "x"`:                 `unknown option "proxy"`,
	} {
		err := g.load(permission, ``)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", permission, err, want)
		}
		_, one := errors.AsType[*manifest.Problem](err)
		_, several := errors.AsType[*manifest.Error](err)
		if !one && !several {
			t.Errorf("%s: %T is no problem of the manifest", permission, err)
		}
	}
	if err := g.load(`hosts = ["api.example.com"], headers = ["X-Api-Key"], paths = ["/v1"], plain_http = false`, `print("runs")`); err != nil {
		t.Error(err)
	}
	g.lines(1)
	_, err := mods.Open(mods.Config{Capabilities: []mods.Capability{Capability(Options{Timeout: -1})}})
	if _, ok := errors.AsType[*mods.ConfigError](err); !ok {
		t.Errorf("%v (%T)", err, err)
	}
	if _, ok := errors.AsType[*OptionsError](err); !ok {
		t.Errorf("%v does not wrap the error of the options", err)
	}
}

func TestSeconds(t *testing.T) {
	for s, want := range map[float64]time.Duration{0: 0, -1: -1, 1: time.Second, 1e-300: 1, 1e300: mostTimeout, 0.5: time.Second / 2} {
		if got := seconds(s); got != want {
			t.Errorf("%v: %v, want %v", s, got, want)
		}
	}
}
