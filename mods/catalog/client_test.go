package catalog

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/resolution"
)

const weather = `
[permissions.log]
reason = "tells you when it rains"
optional = true
[permissions."net.http"]
reason = "asks the weather service"
hosts = ["weather.example.com"]
[dependencies]
clock = "^1.0"
[conflicts]
desert = "*"
`

// TestRoundTrip: what is published is found and fetched, from the folder and over HTTP,
// and again offline.
func TestRoundTrip(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "weather", "1.0.0", weather), mod(t, "weather", "1.1.0", weather), mod(t, "clock", "1.2.0", ""))
	l.publisher(func(p *Publisher) error {
		if id, err := p.Advise(osv("TEST-2026-1")); err != nil || id != "TEST-2026-1" {
			t.Error(id, err)
		}
		if err := p.Revoke("0123456789abcdef", "it was stolen"); err != nil {
			return err
		}
		if err := p.Yank("weather", "1.1.0", "floods"); err != nil {
			return err
		}
		told, err := p.Publish()
		if told.Bundles != 3 || told.Advisories != 1 || told.Revocations != 1 || told.Timestamp != 2 || told.Role != roleTimestamp || !told.Expires.Equal(begin.Add(day)) {
			t.Errorf("told %+v", told)
		}
		return err
	})
	server := l.mirror()
	for _, where := range []string{l.o.Dir, server.url} {
		cache := t.TempDir()
		c := l.open(at(where), with(cache))
		if len(c.Search("")) != 0 {
			t.Error("something is there before the first refresh")
		}
		l.refresh(c)
		check := func(c *Client) {
			t.Helper()
			var ids []string
			for _, e := range c.Search("") {
				ids = append(ids, e.String())
			}
			if diff := cmp.Diff([]string{"clock 1.2.0", "weather 1.0.0"}, ids); diff != "" {
				t.Error(diff)
			}
			all := c.Info("weather")
			if len(all) != 2 || all[0].Version != "1.1.0" || all[0].Yanked == nil || all[0].Yanked.Reason != "floods" || all[1].Yanked != nil {
				t.Fatalf("%+v", all)
			}
			want := Entry{
				ID: "weather", Version: "1.0.0", Digest: all[1].Digest, Size: all[1].Size,
				Name: "The weather", Description: "Makes it rain.",
				Dependencies: []Requirement{{"clock", "^1.0"}}, Conflicts: []Requirement{{"desert", "*"}},
				Permissions: []Permission{
					{Capability: "log", Reason: "tells you when it rains", Optional: true, Risk: "high"},
					{Capability: "net.http", Reason: "asks the weather service", Risk: "high"},
				},
			}
			if diff := cmp.Diff(want, all[1]); diff != "" {
				t.Error(diff)
			}
			if e, ok := c.Lookup(all[1].Digest); !ok || cmp.Diff(e, all[1]) != "" {
				t.Error("not found by its digest")
			}
			if a := c.Advisories(); len(a) != 1 || a[0].ID != "TEST-2026-1" || !strings.Contains(string(a[0].Data), "2026-01-01") {
				t.Errorf("%+v", a)
			}
			if r := c.Revocations(); len(r) != 1 || r[0] != (Revocation{"0123456789ABCDEF", begin, "it was stolen"}) {
				t.Errorf("%+v", r)
			}
			result, err := resolution.Resolve(resolution.Request{Roots: []manifest.Requirement{{ID: "weather"}}}, c.Universe())
			if err != nil || len(result.Mods) != 2 {
				t.Errorf("%+v, %v", result, err)
			}
		}
		check(c)
		e := c.Info("weather")[1]
		var steps []int64
		b, err := c.Fetch(t.Context(), e, func(done, total int64) {
			if total != e.Size {
				t.Errorf("of %d, want %d", total, e.Size)
			}
			steps = append(steps, done)
		})
		if err != nil || b.Digest() != e.Digest || len(steps) == 0 || steps[len(steps)-1] != e.Size {
			t.Fatal(b, err, steps)
		}
		if left, _ := filepath.Glob(filepath.Join(cache, "partial", strings.Repeat("?", 64))); len(left) > 0 {
			t.Error("a partial file stays: ", left)
		}
		off := l.open(with(cache), offline, at(""))
		l.refresh(off)
		check(off)
		if b, err := off.Fetch(t.Context(), e, nil); err != nil || b.Digest() != e.Digest {
			t.Error(err)
		}
		_, err = off.Fetch(t.Context(), off.Info("clock")[0], nil)
		refused(t, err, NotCached)
		_, err = off.Fetch(t.Context(), Entry{ID: "weather", Version: "1.1.0", Digest: e.Digest}, nil)
		refused(t, err, NotListed)
	}
}

func TestSearch(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""), mod(t, "sun", "2.0.0", ""), mod(t, "sun", "2.1.0-beta", ""))
	c := l.open()
	l.refresh(c)
	for text, want := range map[string][]string{
		"":          {"rain 1.0.0", "sun 2.1.0-beta"},
		"RAIN":      {"rain 1.0.0", "sun 2.1.0-beta"}, // both make it rain; the name comes first
		"sun rain":  {"sun 2.1.0-beta"},
		"the  sun":  {"sun 2.1.0-beta"},
		"snow":      nil,
		"rain snow": nil,
	} {
		var got []string
		for _, e := range c.Search(text) {
			got = append(got, e.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// TestOfflineExpired: a catalogue whose time is over is refused, unless it is asked for
// with what is in the cache.
func TestOfflineExpired(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""), mod(t, "sun", "1.0.0", ""))
	cache := t.TempDir()
	c := l.open(with(cache))
	l.refresh(c)
	rain, sun := c.Info("rain")[0], c.Info("sun")[0]
	if _, err := c.Fetch(t.Context(), rain, nil); err != nil {
		t.Fatal(err)
	}
	l.time = begin.Add(day + time.Second)
	_, err := c.Fetch(t.Context(), rain, nil)
	expired(t, err, roleTimestamp) // the client ran on
	off := l.open(with(cache), offline)
	expired(t, off.Refresh(t.Context()), roleTimestamp)
	_, err = off.Fetch(t.Context(), rain, nil)
	refused(t, err, NotLoaded)

	old := l.open(with(cache), offline, func(o *Options) { o.AllowExpired = true })
	l.refresh(old)
	if !old.State().Expired || len(old.Search("")) != 2 {
		t.Errorf("%+v", old.State())
	}
	if _, err := old.Fetch(t.Context(), rain, nil); err != nil {
		t.Error(err)
	}
	_, err = old.Fetch(t.Context(), sun, nil)
	refused(t, err, NotCached)
	if _, err := Open(Options{URL: l.o.Dir, Root: l.root(), Cache: cache, AllowExpired: true}); err == nil {
		t.Error("a client that is not offline allows what has expired")
	}
}

func TestNothingCached(t *testing.T) {
	l := newLab(t, nil)
	refused(t, l.open(offline).Refresh(t.Context()), NotCached)
	refused(t, l.open(offline, with(filepath.Join(t.TempDir(), "nowhere"))).Refresh(t.Context()), NotCached)
	refused(t, l.open().Refresh(t.Context()), Missing) // nothing was published
}

// TestTogether: clients of one cache refresh and fetch at once.
func TestTogether(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	cache := t.TempDir()
	var wait sync.WaitGroup
	for range 6 {
		c := l.open(at(m.url), with(cache))
		wait.Go(func() {
			if err := c.Refresh(t.Context()); err != nil {
				t.Error(err)
				return
			}
			if _, err := c.Fetch(t.Context(), c.Info("rain")[0], nil); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	fetched := 0
	for _, name := range m.asked {
		if strings.HasSuffix(name, ".zip") {
			fetched++
		}
	}
	if fetched != 1 {
		t.Errorf("the bundle was fetched %d times", fetched)
	}
}

// TestPublishedAtOnce: whatever moment a client reads in, it sees the old catalogue or
// the new one. Each file is seen as it is written.
func TestPublishedAtOnce(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	old := l.snapshot()
	l.publish(mod(t, "rain", "2.0.0", ""))
	now := l.snapshot()
	m := l.mirror()
	// The order in which release writes.
	order := []string{"targets/", ".targets.json", ".snapshot.json", "timestamp.json"}
	files := clone(old)
	for _, part := range order {
		for name, data := range now {
			if strings.Contains(name, part) {
				files[name] = data
			}
		}
		m.replace(clone(files))
		c := l.open(at(m.url))
		l.refresh(c)
		newest, want := c.Info("rain")[0].Version, "1.0.0"
		if part == "timestamp.json" {
			want = "2.0.0"
		}
		if newest != want {
			t.Errorf("after %s: %s, want %s", part, newest, want)
		}
	}
	// The other way round, the timestamp first, nobody could read.
	files = clone(old)
	files[metadataPath(roleTimestamp, 0)] = now[metadataPath(roleTimestamp, 0)]
	m.replace(files)
	refused(t, l.open(at(m.url)).Refresh(t.Context()), Missing)
}

func TestPublisherRefuses(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	refused(t, Init(l.o, nil, Expiry{}), Conflict)
	refused(t, Init(PublisherOptions{Dir: t.TempDir()}, map[string]Threshold{"root": {2, 1}}, Expiry{}), BadOptions)
	refused(t, Init(PublisherOptions{Dir: t.TempDir()}, map[string]Threshold{"boss": {1, 1}}, Expiry{}), BadOptions)
	refused(t, Init(PublisherOptions{Dir: l.o.Dir, Keys: []string{filepath.Join(l.o.Dir, "keys")}}, nil, Expiry{}), BadOptions)
	_, err := OpenPublisher(PublisherOptions{Dir: filepath.Join(t.TempDir(), "x")})
	refused(t, err, Missing)
	l.publisher(func(p *Publisher) error {
		_, err := OpenPublisher(l.o)
		refused(t, err, Conflict) // one at a time
		_, err = p.Add(mod(t, "rain", "1.0.0", "license = 'MIT'\n"), AddOptions{})
		refused(t, err, Conflict)
		refused(t, p.Yank("rain", "2.0.0", "x"), NotListed)
		refused(t, p.Yank("rain", "1.0.0", ""), BadOptions)
		refused(t, p.Yank("rain", "1.0.0", "two\nlines"), BadOptions)
		refused(t, p.Revoke("123", "x"), BadOptions)
		if err := p.Revoke("0123456789ABCDEF", "x"); err != nil {
			t.Error(err)
		}
		refused(t, p.Revoke("0123456789abcdef", "x"), Conflict)
		for _, id := range []string{"", "../x", "a/b", "CON", "nul.x", "x..y", ".x", "x\\y", strings.Repeat("x", 101)} {
			_, err := p.Advise(osv(id))
			refused(t, err, Malformed)
		}
		for _, text := range []string{`{"id":"A","id":"B"}`, `{"id":"A","modified":"2026-01-01T00:00:00Z"}`, "null", ""} {
			_, err = p.Advise([]byte(text))
			refused(t, err, Malformed)
		}
		return nil
	})
	// A key that others may read.
	keys, _ := filepath.Glob(filepath.Join(l.o.Keys[0], "root-*.key"))
	if err := os.Chmod(keys[0], 0o644); err != nil || len(keys) != 1 {
		t.Fatal(err, keys)
	}
	if info, _ := os.Stat(keys[0]); info.Mode().Perm() == 0o644 {
		_, err = OpenPublisher(l.o)
		refused(t, err, Unsafe)
	}
}

// TestNotEnoughKeys: who has not the keys of a role cannot publish, and changes nothing.
func TestNotEnoughKeys(t *testing.T) {
	l := newLab(t, map[string]Threshold{"targets": {2, 3}})
	l.publish(mod(t, "rain", "1.0.0", ""))
	keys, _ := filepath.Glob(filepath.Join(l.o.Keys[0], "targets-*.key"))
	stick := t.TempDir()
	for _, key := range keys[1:] {
		if err := os.Rename(key, filepath.Join(stick, filepath.Base(key))); err != nil {
			t.Fatal(err)
		}
	}
	before := l.snapshot()
	l.time = l.time.Add(time.Hour)
	l.publisher(func(p *Publisher) error {
		_, err := p.Publish()
		refused(t, err, NoKeys)
		if diff := cmp.Diff(before, l.snapshot()); diff != "" {
			t.Error("something was written")
		}
		told, err := p.RefreshTimestamp() // its key is here
		if told.Timestamp != 2 || told.Snapshot != 1 || told.Bundles != 1 || !told.Expires.Equal(l.time.Add(day)) {
			t.Errorf("%+v", told)
		}
		return err
	})
	l.o.Keys = append(l.o.Keys, stick)
	if told := l.publish(); told.Timestamp != 3 || told.Targets != 2 {
		t.Errorf("%+v", told)
	}
}

// TestRefreshTimestampOfExpired: a timestamp over what has expired would help nobody.
func TestRefreshTimestampOfExpired(t *testing.T) {
	l := newLab(t, nil)
	l.publish()
	l.time = begin.Add(8 * day)
	l.publisher(func(p *Publisher) error {
		_, err := p.RefreshTimestamp()
		expired(t, err, roleSnapshot)
		return nil
	})
	c := l.open()
	expired(t, c.Refresh(t.Context()), roleTimestamp)
	l.publish()
	l.refresh(c)
}

// TestPublisherTrustsNoPublicFolder: what others wrote into the public folder is not
// signed, and versions go on from what was really published.
func TestPublisherTrustsNoPublicFolder(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	early := l.snapshot()
	l.publish(mod(t, "rain", "1.1.0", ""))
	name := metadataPath(roleTimestamp, 0)
	write := func(data []byte) {
		if err := os.WriteFile(filepath.Join(l.o.Dir, filepath.FromSlash(name)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(early[name]) // a backup was put back
	if told := l.publish(); told.Timestamp != 3 {
		t.Errorf("%+v", told)
	}
	write(bytes.ReplaceAll(early[name], []byte(`"version":1`), []byte(`"version":9`)))
	if told := l.publish(); told.Timestamp != 4 {
		t.Errorf("%+v", told)
	}
	write([]byte("{}"))
	l.publisher(func(p *Publisher) error {
		_, err := p.Publish()
		refused(t, err, Malformed)
		return nil
	})
}

// TestTwoMachines: one signs the timestamp, and the root's keys are used on a third; the
// versions go on, and new roots are found.
func TestTwoMachines(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	c := l.open()
	l.refresh(c)
	other := PublisherOptions{Dir: l.o.Dir, Keys: []string{filepath.Join(t.TempDir(), "keys")}, Now: l.o.Now}
	if err := os.CopyFS(other.Keys[0], os.DirFS(l.o.Keys[0])); err != nil {
		t.Fatal(err)
	}
	keys, _ := filepath.Glob(filepath.Join(other.Keys[0], "*.key"))
	for _, key := range keys {
		if err := os.Chmod(key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := func(do func(p *Publisher) error) {
		t.Helper()
		p, err := OpenPublisher(other)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if err := do(p); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		elsewhere(func(p *Publisher) error { _, err := p.RefreshTimestamp(); return err })
	}
	l.refresh(c)
	if told := l.publish(); told.Timestamp != 5 || told.Snapshot != 2 {
		t.Errorf("%+v", told)
	}
	l.refresh(c)
	elsewhere(func(p *Publisher) error { _, err := p.Rotate(Rotation{}); return err })
	if told := l.publish(mod(t, "rain", "1.1.0", "")); told.Root != 2 || told.Snapshot != 4 {
		t.Errorf("%+v", told)
	}
	l.refresh(c)
	if c.Info("rain")[0].Version != "1.1.0" || c.State().Root != 2 {
		t.Errorf("%+v", c.State())
	}
}

// TestReadd: the same bundle with another attachment replaces the file, and a yank stays.
func TestReadd(t *testing.T) {
	l := newLab(t, nil)
	b := mod(t, "rain", "1.0.0", "")
	l.publish(b)
	l.publisher(func(p *Publisher) error { return p.Yank("rain", "1.0.0", "floods") })
	packed, err := bundle.Pack(b)
	if err != nil {
		t.Fatal(err)
	}
	l.publish(packed)
	c := l.open()
	l.refresh(c)
	all := c.Info("rain")
	if len(all) != 1 || all[0].Yanked == nil || all[0].Digest != b.Digest() {
		t.Fatalf("%+v", all)
	}
	got, err := c.Fetch(t.Context(), all[0], nil)
	if err != nil || !got.Packed() {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	l := newLab(t, nil)
	good := Options{URL: l.o.Dir, Root: l.root(), Cache: t.TempDir()}
	for name, change := range map[string]func(*Options){
		"no cache":        func(o *Options) { o.Cache = "" },
		"no url":          func(o *Options) { o.URL = "" },
		"plain http":      func(o *Options) { o.URL = "http://mods.example.com/" },
		"http to a name":  func(o *Options) { o.URL = "http://localhost.example.com" },
		"http to 127.":    func(o *Options) { o.URL = "http://127.0.0.1.example.com" },
		"another scheme":  func(o *Options) { o.URL = "ftp://127.0.0.1/" },
		"a user":          func(o *Options) { o.URL = "https://a:b@mods.example.com" },
		"a query":         func(o *Options) { o.URL = "https://mods.example.com/?x=1" },
		"negative limit":  func(o *Options) { o.MaxBundle = -1 },
		"negative time":   func(o *Options) { o.Timeout = -1 },
		"no address":      func(o *Options) { o.URL = "https://%zz" },
		"file as address": func(o *Options) { o.URL = "file:///etc" },
	} {
		o := good
		change(&o)
		_, err := Open(o)
		if !errors.Is(err, &Error{Reason: BadOptions}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, root := range [][]byte{nil, []byte("{}"), []byte("null"), bytes.Replace(l.root(), []byte(`"threshold":1`), []byte(`"threshold":2`), 1)} {
		o := good
		o.Root = root
		_, err := Open(o)
		refused(t, err, BadRoot)
	}
	for _, url := range []string{"http://127.0.0.1:1/", "http://[::1]:1", "http://localhost:1", "https://mods.example.com/catalog"} {
		o := good
		o.URL = url
		if _, err := Open(o); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}
