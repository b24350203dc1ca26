package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/bundle"
)

// lab is a catalogue, who makes it, and a time of its own.
type lab struct {
	t    testing.TB
	o    PublisherOptions
	time time.Time
}

// begin is when everything begins here.
var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newLab(t testing.TB, thresholds map[string]Threshold) *lab {
	t.Helper()
	dir := t.TempDir()
	l := &lab{t: t, time: begin}
	l.o = PublisherOptions{Dir: filepath.Join(dir, "public"), Now: func() time.Time { return l.time }}
	l.o.Keys = []string{KeysBeside(l.o.Dir)}
	if err := Init(l.o, thresholds, Expiry{}); err != nil {
		t.Fatal(err)
	}
	return l
}

// publisher does something as the publisher.
func (l *lab) publisher(do func(p *Publisher) error) {
	l.t.Helper()
	p, err := OpenPublisher(l.o)
	if err != nil {
		l.t.Fatal(err)
	}
	defer p.Close()
	if err := do(p); err != nil {
		l.t.Fatal(err)
	}
}

// publish adds mods and publishes them.
func (l *lab) publish(bundles ...*bundle.Bundle) Publication {
	l.t.Helper()
	var out Publication
	l.publisher(func(p *Publisher) error {
		for _, b := range bundles {
			if _, err := p.Add(b, AddOptions{}); err != nil {
				return err
			}
		}
		var err error
		out, err = p.Publish()
		return err
	})
	return out
}

func (l *lab) root() []byte { return l.file(metadataPath(roleRoot, 1)) }

func (l *lab) file(name string) []byte {
	l.t.Helper()
	data, err := os.ReadFile(filepath.Join(l.o.Dir, filepath.FromSlash(name)))
	if err != nil {
		l.t.Fatal(err)
	}
	return data
}

// signers are the private keys of a role.
func (l *lab) signers(role string) []signer {
	l.t.Helper()
	var out []signer
	l.publisher(func(p *Publisher) error {
		root, err := p.root()
		if err == nil {
			out = signersOf(&root.meta.Signed, role, p.keys)
		}
		return err
	})
	if len(out) == 0 {
		l.t.Fatal("no keys of the ", role)
	}
	return out
}

// open makes a client with a cache of its own, unless one is given.
func (l *lab) open(change ...func(*Options)) *Client {
	l.t.Helper()
	o := Options{URL: l.o.Dir, Root: l.root(), Cache: l.t.TempDir(), Now: func() time.Time { return l.time }}
	for _, f := range change {
		f(&o)
	}
	c, err := Open(o)
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

func at(url string) func(*Options)   { return func(o *Options) { o.URL = url } }
func with(dir string) func(*Options) { return func(o *Options) { o.Cache = dir } }
func offline(o *Options)             { o.Offline = true }

func (l *lab) refresh(c *Client) {
	l.t.Helper()
	if err := c.Refresh(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

// mirror serves files from memory, which an attacker may change: by name, without
// "metadata/..." in front being touched.
type mirror struct {
	mu     sync.Mutex
	files  map[string][]byte
	answer func(w http.ResponseWriter, r *http.Request, name string) bool // true: it answered
	asked  []string
	url    string
}

// mirror copies what is public now.
func (l *lab) mirror() *mirror {
	l.t.Helper()
	m := &mirror{files: l.snapshot()}
	server := httptest.NewServer(http.HandlerFunc(m.serve))
	l.t.Cleanup(server.Close)
	m.url = server.URL
	return m
}

// snapshot is all that is public now.
func (l *lab) snapshot() map[string][]byte {
	l.t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(l.o.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(l.o.Dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		files[filepath.ToSlash(rel)] = data
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return files
}

func (m *mirror) serve(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	m.mu.Lock()
	m.asked = append(m.asked, name)
	data, ok := m.files[name]
	answer := m.answer
	m.mu.Unlock()
	if answer != nil && answer(w, r, name) {
		return
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func (m *mirror) set(name string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[name] = data
}

func (m *mirror) replace(files map[string][]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files = files
}

func (m *mirror) with(answer func(w http.ResponseWriter, r *http.Request, name string) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answer = answer
}

// clone copies the mirror's files.
func clone(files map[string][]byte) map[string][]byte {
	out := map[string][]byte{}
	for name, data := range files {
		out[name] = data
	}
	return out
}

// mod makes a bundle.
func mod(t testing.TB, id, version, more string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: fmt.Appendf(nil, "[mod]\nid = %q\nversion = %q\nname = \"The %s\"\ndescription = \"Makes it rain.\"\n%s", id, version, id, more)},
		"init.lua": {Data: []byte("local x = 1\n")},
	}, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// osv is an advisory about a mod.
func osv(id string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":%q,"name":"rain"},"versions":["1.0.0"]}]}`, id, advisory.Ecosystem)
}

// refused checks the reason of a refusal.
func refused(t testing.TB, err error, want Reason) {
	t.Helper()
	if !errors.Is(err, &Error{Reason: want}) {
		t.Errorf("got %v\nwant the reason %q", err, want)
	}
}

// expired checks which role it is whose time is over.
func expired(t testing.TB, err error, role string) {
	t.Helper()
	if e, ok := errors.AsType[*ExpiredError](err); !ok || e.Role != role || e.Expires.IsZero() || !e.Now.After(e.Expires) {
		t.Errorf("got %v\nwant an expired %s", err, role)
	}
}

// forge makes the three roles over a catalogue's targets, as who has the keys could.
type forge struct {
	targets                      *metadata.Metadata[metadata.TargetsType]
	versions                     versions
	expires                      time.Time
	signedAt                     string
	byTargets, bySnapshot, byTop []signer
}

// forge begins with what is public, one version on, signed by the keys of the roles.
func (l *lab) forge() *forge {
	l.t.Helper()
	var stamp *metadata.Metadata[metadata.TimestampType]
	f := &forge{expires: l.time.Add(day), signedAt: l.time.Format(time.RFC3339)}
	stamp, err := metadata.Timestamp().FromBytes(l.file(metadataPath(roleTimestamp, 0)))
	if err != nil {
		l.t.Fatal(err)
	}
	snapshot, err := metadata.Snapshot().FromBytes(l.file(metadataPath(roleSnapshot, stamp.Signed.Meta["snapshot.json"].Version)))
	if err != nil {
		l.t.Fatal(err)
	}
	f.targets, err = metadata.Targets().FromBytes(l.file(metadataPath(roleTargets, snapshot.Signed.Meta["targets.json"].Version)))
	if err != nil {
		l.t.Fatal(err)
	}
	f.versions = versions{f.targets.Signed.Version + 1, snapshot.Signed.Version + 1, stamp.Signed.Version + 1}
	f.byTargets, f.bySnapshot, f.byTop = l.signers(roleTargets), l.signers(roleSnapshot), l.signers(roleTimestamp)
	return f
}

// into writes the forged metadata among files.
func (f *forge) into(t testing.TB, files map[string][]byte) map[string][]byte {
	t.Helper()
	must := func(data []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	f.targets.Signed.Version, f.targets.Signed.Expires = f.versions.Targets, f.expires
	targets := must(signed(f.targets, f.byTargets...))
	snapshot := metadata.Snapshot(f.expires)
	snapshot.Signed.Version = f.versions.Snapshot
	snapshot.Signed.Meta = map[string]*metadata.MetaFiles{"targets.json": metaOf(f.versions.Targets, targets)}
	snapshotData := must(signed(snapshot, f.bySnapshot...))
	stamp := metadata.Timestamp(f.expires)
	stamp.Signed.Version = f.versions.Timestamp
	stamp.Signed.Meta = map[string]*metadata.MetaFiles{"snapshot.json": metaOf(f.versions.Snapshot, snapshotData)}
	stamp.Signed.UnrecognizedFields = map[string]any{signedAtField: f.signedAt}
	out := clone(files)
	out[metadataPath(roleTargets, f.versions.Targets)] = targets
	out[metadataPath(roleSnapshot, f.versions.Snapshot)] = snapshotData
	out[metadataPath(roleTimestamp, 0)] = must(signed(stamp, f.byTop...))
	return out
}

// naive is what a client does that trusts its mirror: the negative control of the attacks
// on bytes.
func naive(t testing.TB, ctx context.Context, url string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	_, _ = b.ReadFrom(http.MaxBytesReader(nil, res.Body, 16<<20))
	return b.Bytes()
}
