package fuzz

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/lockfile"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/policy/cedar"
	"github.com/luasandbox/modrunner/mods/resolution"
	"github.com/luasandbox/modrunner/mods/trust"
)

// life is an installation, the host that runs it, and who uses both.
type life struct {
	t    testing.TB
	dir  string
	now  time.Time
	l    *ledger
	seen map[string]int // how often what happened

	catalog  map[string][]*edition // by id, the newest first
	swapped  bool                  // the catalogue hands out what nobody asked for
	feed     install.Feed
	noNews   bool
	plan     *install.Plan // made some time ago
	saved    map[string][]byte
	then     *ledger // when saved was
	obstacle string  // in the way of a file that a change writes
	edited   bool    // somebody changed files of the home by hand

	host    *mods.Host
	watch   *install.Watch
	given   map[string]mods.Source // to the host, by digest
	arrives map[string][]grant     // by id, to the code that is being loaded
	granted map[string][]grant     // by id, to the code that was
	ticks   []saying

	transcript strings.Builder
}

type grant struct {
	name  string
	room  int64
	hosts []string
}

// saying is what the code of a mod told the probe.
type saying struct{ id, says, copied string }

func newLife(t testing.TB) *life {
	return &life{t: t, dir: scratch(t), now: signedAt.AddDate(0, 1, 0), l: newLedger(), seen: map[string]int{}, catalog: map[string][]*edition{}}
}

// scratch returns a folder for a home, in memory where that is known to be possible: a
// life waits hundreds of times until the disk has something.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "installation")
	if err != nil {
		return filepath.Join(t.TempDir(), "home")
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "home")
}

// capabilities are those of the game. What they grant and are told goes to x.
func capabilities(x *life) []mods.Capability {
	made := func(name string, risk mods.Risk, options []mods.Option, members ...luasandbox.Member) mods.Capability {
		return mods.Capability{Name: name, Doc: "For the fuzz target.", Risk: risk, Options: options, Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
			id := g.ID()
			if x != nil && id != "" {
				x.arrives[id] = append(x.arrives[id], grant{name, g.Options().Int("room"), g.Options().Texts("hosts")})
			}
			if name != "probe" {
				return []luasandbox.Member{luasandbox.Func("touch", func() {})}, nil
			}
			return []luasandbox.Member{
				luasandbox.Func("ran", func(says, copied string) {
					if x != nil {
						x.granted[id] = x.arrives[id]
					}
				}),
				luasandbox.Func("ticked", func(says, copied string) {
					if x != nil {
						x.ticks = append(x.ticks, saying{id, says, copied})
					}
				}),
			}, nil
		}}
	}
	return []mods.Capability{
		made("probe", mods.RiskNone, nil),
		made("sight", mods.RiskLow, nil),
		made("disk", mods.RiskMedium, []mods.Option{{Name: "room", Type: mods.CountOption, Doc: "How many.", Default: int64(10)}}),
		made("net", mods.RiskHigh, []mods.Option{{Name: "hosts", Type: mods.TextsOption, Doc: "Which.", Required: true}}),
	}
}

func gameConfig(x *life) mods.Config {
	return mods.Config{
		Limits: small, Frame: mods.Frame{Instructions: 1 << 24, Guard: limits.UnlimitedTime}, Policy: mods.PolicyAll, Capabilities: capabilities(x),
	}
}

// offered is what the game offers, as the home knows it.
var offered = sync.OnceValues(func() (*gate.API, error) {
	host, err := mods.Open(gameConfig(nil))
	if err != nil {
		return nil, err
	}
	defer host.Close()
	document, err := host.API()
	if err != nil {
		return nil, err
	}
	return gate.ReadAPI(document)
})

// open opens the home; the bits say who does, and where.
func (x *life) open(bits byte) (*install.Home, error) {
	api, err := offered()
	if err != nil {
		x.t.Fatal(err)
	}
	return install.Open(x.dir, install.Options{
		Now: func() time.Time { return x.now }, Environment: []string{"player", "player", "server", "development"}[bits%4],
		Interactive: bits&4 == 0, By: "ada", API: api, Wait: time.Minute,
	})
}

// happened counts what was reached.
func (x *life) happened(what string) { x.seen[what]++ }

func (x *life) path(name string) string { return filepath.Join(x.dir, filepath.FromSlash(name)) }

func (x *life) write(name string, data []byte) {
	x.t.Helper()
	if err := os.MkdirAll(filepath.Dir(x.path(name)), 0o700); err != nil {
		x.t.Fatal(err)
	}
	if err := os.WriteFile(x.path(name), data, 0o600); err != nil {
		x.t.Fatal(err)
	}
}

// files are all of the home.
func (x *life) files() map[string][]byte {
	all := map[string][]byte{}
	err := filepath.WalkDir(x.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		name, err := filepath.Rel(x.dir, path)
		if err == nil {
			all[filepath.ToSlash(name)], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return all
}

// replace makes the home consist of these files.
func (x *life) replace(all map[string][]byte) {
	if err := os.RemoveAll(x.dir); err != nil {
		x.t.Fatal(err)
	}
	for name, data := range all {
		x.write(name, data)
	}
}

// Versions, Fetch and news are the catalogue.
func (x *life) Versions(id string) (all []resolution.Candidate, err error) {
	for _, r := range x.catalog[id] {
		man, err := manifest.Parse(bundle.ManifestName, r.bundle.Manifest())
		if err != nil {
			return nil, err
		}
		if c := resolution.CandidateOf(man); !slices.ContainsFunc(all, func(o resolution.Candidate) bool { return o.Version.Equal(c.Version) }) {
			all = append(all, c)
		}
	}
	return all, nil
}

func (x *life) Fetch(_ context.Context, id, version string) (*bundle.Bundle, error) {
	for _, r := range x.catalog[id] {
		if r.version == version && !x.swapped {
			return r.bundle, nil
		}
	}
	for _, r := range x.catalog[id] {
		if r.version != version {
			return r.bundle, nil
		}
	}
	return nil, &catalogError{}
}

// catalogError is what a catalogue says that does not have what it told of.
type catalogError struct{}

func (*catalogError) Error() string { return "the catalogue does not have it" }

func (x *life) news(context.Context) (install.Feed, error) {
	if x.noNews {
		return install.Feed{}, &catalogError{}
	}
	return x.feed, nil
}

// documented reports whether an error, and each that was joined in it, is of a type that the
// packages document.
func documented(err error) bool {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(many.Unwrap(), func(err error) bool { return !documented(err) })
	}
	return is[*install.AnswerError](err) || is[*install.BusyError](err) || is[*install.ChangedError](err) || is[*install.DamageError](err) ||
		is[*install.DowngradeError](err) || is[*install.DriftError](err) || is[*install.FileError](err) || is[*install.NeededError](err) ||
		is[*install.NotInstalledError](err) || is[*install.RefusedError](err) || is[*install.ResignedError](err) || is[*install.SourceError](err) ||
		is[*install.UnfinishedError](err) || is[*install.UnknownError](err) || errors.Is(err, install.ErrNothing) ||
		is[*advisory.FreezesError](err) || is[*lockfile.Error](err) || is[*manifest.Error](err) || is[*bundle.Error](err) || is[*cedar.Error](err) ||
		is[*trust.StoreError](err) || is[*resolution.ConflictError](err) || is[*resolution.LimitError](err) || is[*catalogError](err) ||
		is[*audit.LockedError](err) || is[*audit.WriteError](err) || is[*audit.VerifyError](err) || is[*audit.SyncError](err)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// kind is the type of an error, for counting.
func kind(err error) string {
	if err == nil {
		return "well"
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
}

// stands is what a home says, in a form that can be compared.
func (x *life) stands() (text string, sequence uint64) {
	x.t.Helper()
	home, err := x.open(0)
	if err != nil {
		x.failed("open", err)
		return "cannot be opened: " + err.Error(), 0
	}
	s, err := home.State(context.Background())
	if err != nil {
		x.failed("read the state", err)
		return "cannot be read: " + err.Error(), 0
	}
	said, err := json.Marshal(s.Approvals())
	if err != nil {
		x.t.Fatal(err)
	}
	text = string(said) + strings.Join(s.Bundles(), " ")
	if x.obstacle == "" { // otherwise files may be of a change that is not finished
		for _, name := range []string{"mods.lock", "freezes.toml", "feed.json"} {
			data, err := os.ReadFile(x.path(name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				x.t.Fatal(err)
			}
			text += "\n" + string(data)
		}
	}
	return text, s.Sequence()
}

// failed holds an error to what is promised of errors.
func (x *life) failed(what string, err error) {
	x.t.Helper()
	if err != nil && !documented(err) {
		x.t.Fatalf("%s: an error of no documented type: %T %v", what, err, err)
	}
}

// operation does one thing, and checks what has to hold after it.
func (x *life) operation(name string, do func() error) {
	x.t.Helper()
	before, was := x.stands()
	err := do()
	x.failed(name, err)
	x.happened(name + ": " + kind(err))
	after, is := x.stands()
	fmt.Fprintf(&x.transcript, "%s: %v\n%d %x\n", name, err, is, sha256.Sum256([]byte(after)))
	if x.edited {
		return
	}
	if is < was {
		x.t.Fatalf("%s: the state went back from %d to %d", name, was, is)
	}
	if err != nil && !kinds(err, new(*install.UnfinishedError)) && !kinds(err, new(*install.RefusedError)) && before != after {
		x.t.Fatalf("%s failed (%v), and changed the state from %d to %d:\n%s\n%s", name, err, was, is, before, after)
	}
	x.checkWords(name)
	x.checkAudit(name)
}

func kinds[E error](err error, _ *E) bool { return is[E](err) }

// checkWords holds the state to the ledger: what was said of which digest, and what is
// installed.
func (x *life) checkWords(after string) {
	x.t.Helper()
	home, err := x.open(0)
	if err != nil {
		x.t.Fatalf("%s: %v", after, err)
	}
	s, err := home.State(context.Background())
	if err != nil {
		x.t.Fatalf("%s: %v", after, err)
	}
	for _, e := range s.Approvals().History {
		if _, known := x.l.words[e.Digest]; !known {
			x.t.Fatalf("%s: %s %s is %s by %s; nobody said so", after, e.ID, e.Version, e.Verdict, e.By)
		}
	}
	for digest, w := range x.l.words {
		r, said := editionOf(digest), s.Approval(digest)
		if said == nil || said.Verdict != w.verdict || said.ID != r.id || said.Version != r.version {
			x.t.Fatalf("%s: of %s the home knows %+v; it is %s", after, r.says, said, w.verdict)
		}
		var granted []string
		for _, g := range said.Grants {
			granted = append(granted, g.Capability)
			if !slices.Contains(w.grants, g.Capability) {
				x.t.Fatalf("%s: %s is approved with %s, and should have no more than %v", after, r.says, g.Capability, w.grants)
			}
		}
		w.grants = granted // the rules may have taken some
		x.l.words[digest] = w
	}
	if x.obstacle != "" {
		return
	}
	lock, err := lockfile.Read(x.path(lockfile.Name))
	if errors.Is(err, fs.ErrNotExist) {
		lock = &lockfile.Lock{}
	} else if err != nil {
		x.t.Fatalf("%s: %v", after, err)
	}
	for _, m := range lock.Mods {
		if m.Digest != x.l.installed[m.ID] {
			x.t.Fatalf("%s: %s %s is installed, and nobody installed it", after, m.ID, m.Digest)
		}
		for _, digest := range append(digestsOf(m.Libraries), m.Digest) {
			if w := x.l.words[digest]; w.verdict != policy.Approved {
				x.t.Fatalf("%s: %s of %s is installed, and is %q", after, digest, m.ID, w.verdict)
			}
		}
	}
	if len(lock.Mods) != len(x.l.installed) {
		x.t.Fatalf("%s: %d mods are installed, want %v", after, len(lock.Mods), x.l.installed)
	}
}

func digestsOf(libraries []lockfile.Library) (all []string) {
	for _, l := range libraries {
		all = append(all, l.Digest)
	}
	return all
}

func (x *life) checkAudit(after string) {
	x.t.Helper()
	_, err := audit.VerifyFile(x.path("audit.jsonl"), nil)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !strings.HasPrefix(x.obstacle, "audit") {
		x.t.Fatalf("%s: %v", after, err)
	}
}

// locked returns what is to be run, if the home gives it out, and checks that it is what
// was approved.
func (x *life) locked(home *install.Home) (all []mods.Source, err error) {
	locked, err := home.Locked(context.Background())
	x.failed("Locked", err)
	x.happened("Locked: " + kind(err))
	if err != nil {
		return nil, err
	}
	for _, m := range locked {
		r := editionOf(m.Bundle.Digest())
		if r == nil || r.digest != m.Digest || r.id != m.ID || r.version != m.Version {
			x.t.Fatalf("Locked returns %s %s %s, and its bundle is %+v", m.ID, m.Version, m.Digest, r)
		}
		if !x.edited && x.l.installed[m.ID] != m.Digest {
			x.t.Fatalf("Locked returns %s, which is not installed", r.says)
		}
		source := mods.Source{Bundle: m.Bundle, Libraries: m.Libraries, Path: m.ID}
		for _, b := range append(slices.Clone(m.Libraries), m.Bundle) {
			if w := x.l.words[b.Digest()]; w.verdict != policy.Approved {
				x.t.Fatalf("Locked returns %s with %s, which is %q", r.says, b.Digest(), w.verdict)
			}
		}
		for _, g := range m.Grants {
			if !slices.Contains(x.l.words[m.Digest].grants, g.Capability) {
				x.t.Fatalf("Locked returns %s with %s, which it was not granted", r.says, g.Capability)
			}
		}
		all = append(all, source)
	}
	if !x.edited && len(all) != len(x.l.installed) {
		x.t.Fatalf("Locked returns %d mods of %v", len(all), x.l.installed)
	}
	return all, nil
}
