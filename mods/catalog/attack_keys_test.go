package catalog

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// TestThreshold: keys that were stolen, fewer than the threshold, sign nothing. All that
// it takes do.
func TestThreshold(t *testing.T) {
	l := newLab(t, map[string]Threshold{"targets": {2, 3}, "root": {2, 3}})
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	good := clone(m.files)
	f := l.forge()
	all := f.byTargets
	f.byTargets = all[:1]
	m.replace(f.into(t, good))
	refused(t, l.open(at(m.url)).Refresh(t.Context()), NotSigned)
	// One key twice is one key. go-tuf refuses that as malformed.
	data := m.files[metadataPath(roleTargets, 2)]
	var doc struct {
		Signatures []json.RawMessage `json:"signatures"`
		Signed     json.RawMessage   `json:"signed"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	doc.Signatures = append(doc.Signatures, doc.Signatures[0])
	twice, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	set, err := newTrusted(l.root(), begin)
	if err != nil {
		t.Fatal(err)
	}
	m2, err := metadata.Targets().FromBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := set.set.Root.VerifyDelegate(roleTargets, m2); !errors.Is(err, &metadata.ErrUnsignedMetadata{}) {
		t.Error(err)
	}
	if _, err := metadata.Targets().FromBytes(twice); err == nil {
		t.Error("one key signs twice")
	}
	f.byTargets = all[1:]
	m.replace(f.into(t, good))
	l.refresh(l.open(at(m.url)))

	// The next root, signed by one of the three.
	root := set.set.Root
	root.Signed.Version = 2
	keys := l.signers(roleRoot)
	next, err := signed(root, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	m.set(metadataPath(roleRoot, 2), next)
	refused(t, l.open(at(m.url)).Refresh(t.Context()), NotSigned)
	if next, err = signed(root, keys[0], keys[2]); err != nil {
		t.Fatal(err)
	}
	m.set(metadataPath(roleRoot, 2), next)
	c := l.open(at(m.url))
	l.refresh(c)
	if c.State().Root != 2 {
		t.Error("the control was not taken")
	}
}

// rotate replaces all keys of a role.
func (l *lab) rotate(role string) {
	l.t.Helper()
	l.publisher(func(p *Publisher) error {
		roles, err := p.Roles()
		if err != nil {
			return err
		}
		for _, r := range roles {
			if r.Role == role {
				_, err = p.Rotate(Rotation{Role: role, Add: len(r.IDs), Remove: r.IDs})
			}
		}
		return err
	})
}

// TestRotation: old clients follow any number of rotations, with their memory or from the
// first root; what the old keys sign counts no more.
func TestRotation(t *testing.T) {
	l := newLab(t, map[string]Threshold{"root": {2, 3}})
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	first := l.root()
	cache, stale := t.TempDir(), t.TempDir()
	l.refresh(l.open(at(m.url), with(cache)))
	l.refresh(l.open(at(m.url), with(stale)))
	before := l.forge() // with the old keys of all roles
	for _, role := range []string{roleRoot, roleTargets, roleSnapshot, roleTimestamp, roleRoot} {
		before := l.snapshot()
		l.rotate(role)
		// In the middle of it, with all but the new root, nobody is left out.
		half := l.snapshot()
		for name := range half {
			if strings.HasSuffix(name, ".root.json") && before[name] == nil {
				delete(half, name)
			}
		}
		m.replace(half)
		l.refresh(l.open(at(m.url), with(cache)))
		m.replace(l.snapshot())
		l.refresh(l.open(at(m.url), with(cache)))
	}
	l.publish(mod(t, "rain", "2.0.0", ""))
	m.replace(l.snapshot())
	for _, cache := range []string{cache, stale, t.TempDir()} {
		c := l.open(at(m.url), with(cache), func(o *Options) { o.Root = first })
		l.refresh(c)
		if c.State().Root != 6 || c.Info("rain")[0].Version != "2.0.0" {
			t.Errorf("%+v", c.State())
		}
	}

	// The old keys sign again.
	before.versions = versions{100, 100, 100}
	good := l.snapshot()
	m.replace(before.into(t, good))
	refused(t, l.open(at(m.url), with(cache)).Refresh(t.Context()), NotSigned)
	// A mirror that holds back the new roots too fools only those who never saw them.
	held := before.into(t, good)
	for v := int64(2); v <= 6; v++ {
		delete(held, metadataPath(roleRoot, v))
	}
	m.replace(held)
	refused(t, l.open(at(m.url), with(cache), func(o *Options) { o.Root = first }).Refresh(t.Context()), NotSigned)
	l.refresh(l.open(at(m.url), func(o *Options) { o.Root = first }))
}

// TestRootFork: the keys of a root that was rotated away make another next root.
func TestRootFork(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	first, old := l.root(), l.signers(roleRoot)
	f := l.forge()
	set, err := newTrusted(first, begin)
	if err != nil {
		t.Fatal(err)
	}
	fork := set.set.Root
	fork.Signed.Version = 2
	forked, err := signed(fork, old...)
	if err != nil {
		t.Fatal(err)
	}
	l.rotate(roleRoot)
	cache := t.TempDir()
	m := l.mirror()
	l.refresh(l.open(at(m.url), with(cache)))
	f.versions = versions{100, 100, 100}
	files := f.into(t, l.snapshot())
	files[metadataPath(roleRoot, 2)] = forked
	fork.Signed.Version = 3
	if files[metadataPath(roleRoot, 3)], err = signed(fork, old...); err != nil {
		t.Fatal(err)
	}
	m.replace(files)
	refused(t, l.open(at(m.url), with(cache), func(o *Options) { o.Root = first }).Refresh(t.Context()), NotSigned)
	l.refresh(l.open(at(m.url), func(o *Options) { o.Root = first })) // who never saw the true one
	// Who gave a later root out of band is not fooled either.
	second := l.file(metadataPath(roleRoot, 2))
	refused(t, l.open(at(m.url), func(o *Options) { o.Root = second }).Refresh(t.Context()), NotSigned)
}

// TestOtherRoot: a cache that belongs to another catalogue is not mixed with this one.
func TestOtherRoot(t *testing.T) {
	one, two := newLab(t, nil), newLab(t, nil)
	one.publish()
	two.publish()
	one.rotate(roleRoot)
	two.rotate(roleRoot)
	cache := t.TempDir()
	one.refresh(one.open(with(cache)))
	refused(t, two.open(with(cache)).Refresh(t.Context()), OtherRoot)
	// A later root of the same catalogue, given out of band, is no other one.
	one.refresh(one.open(with(cache), func(o *Options) { o.Root = one.file(metadataPath(roleRoot, 2)) }))
	refused(t, two.open(with(cache), func(o *Options) { o.Root = two.file(metadataPath(roleRoot, 2)) }).Refresh(t.Context()), OtherRoot)
}

// lie publishes with the catalogue's own keys what Add would not.
func (l *lab) lie(change func(target *metadata.TargetFiles, custom map[string]any)) map[string][]byte {
	l.t.Helper()
	f := l.forge()
	for name, target := range f.targets.Signed.Targets {
		if kindOf(name) != bundleKind {
			continue
		}
		var custom map[string]any
		if err := json.Unmarshal(*target.Custom, &custom); err != nil {
			l.t.Fatal(err)
		}
		change(target, custom)
		text, err := json.Marshal(custom)
		if err != nil {
			l.t.Fatal(err)
		}
		raw := json.RawMessage(text)
		target.Custom = &raw
	}
	return f.into(l.t, l.snapshot())
}

// TestArbitrarySoftware: the keys of the catalogue say of a bundle what it is not.
func TestArbitrarySoftware(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", weather))
	m := l.mirror()
	for field, value := range map[string]any{
		"id":                    "sun",
		"version":               "1.0.1",
		"library":               true,
		"api":                   "^1.0",
		"dependencies":          []any{},
		"optional_dependencies": []any{map[string]any{"id": "sun", "range": "*"}},
		"libraries":             []any{map[string]any{"id": "sun", "range": "*"}},
		"conflicts":             []any{map[string]any{"id": "desert", "range": "<1.0"}},
		"load_after":            []any{map[string]any{"id": "sun", "range": "*"}},
		"permissions":           []any{},
		"signers":               []any{"0123456789ABCDEF"},
	} {
		m.replace(l.lie(func(_ *metadata.TargetFiles, custom map[string]any) { custom[field] = value }))
		c := l.open(at(m.url))
		l.refresh(c) // the control: all that the catalogue says is well signed
		e := c.Search("")[0]
		_, err := c.Fetch(t.Context(), e, nil)
		if claim, ok := errors.AsType[*ClaimError](err); !ok || claim.Field != field || claim.Catalog == claim.Bundle {
			t.Errorf("%s: %v", field, err)
		}
	}
	// What no bundle says of itself is the catalogue's to say.
	m.replace(l.lie(func(_ *metadata.TargetFiles, custom map[string]any) {
		custom["publisher"] = "Ada"
		custom["permissions"].([]any)[0].(map[string]any)["risk"] = "low"
	}))
	c := l.open(at(m.url))
	l.refresh(c)
	if _, err := c.Fetch(t.Context(), c.Info("rain")[0], nil); err != nil || c.Info("rain")[0].Publisher != "Ada" {
		t.Error(err)
	}
	// A field that somebody makes up, a key twice, no claims.
	for name, change := range map[string]func(*metadata.TargetFiles, map[string]any){
		"unknown field": func(_ *metadata.TargetFiles, c map[string]any) { c["trusted"] = true },
		"format":        func(_ *metadata.TargetFiles, c map[string]any) { c["format"] = 2 },
		"digest":        func(_ *metadata.TargetFiles, c map[string]any) { c["digest"] = "h1:" },
		"bad id":        func(_ *metadata.TargetFiles, c map[string]any) { c["id"] = "../x" },
		"bad version":   func(_ *metadata.TargetFiles, c map[string]any) { c["version"] = "v1" },
		"bad range":     func(_ *metadata.TargetFiles, c map[string]any) { c["api"] = "bad" },
		"huge":          func(f *metadata.TargetFiles, _ map[string]any) { f.Length = maxArchive + 1 },
		"weak hash": func(f *metadata.TargetFiles, _ map[string]any) {
			f.Hashes = metadata.Hashes{"sha512": make([]byte, 64)}
		},
		"short hash": func(f *metadata.TargetFiles, _ map[string]any) { f.Hashes["sha256"] = []byte{1} },
	} {
		m.replace(l.lie(change))
		if err := l.open(at(m.url)).Refresh(t.Context()); !errors.Is(err, &Error{Reason: Malformed}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPathTricks: no name of a target leads anywhere, though the catalogue signed it.
func TestPathTricks(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	for _, name := range []string{
		"../evil", "/etc/passwd", "bundles/../../x.zip", "bundles/x.zip", `..\evil`, "C:evil", "bundles/h1-" + strings.Repeat("A", 64) + ".zip",
		"bundles//h1-" + strings.Repeat("a", 64) + ".zip", "advisories/..json", "advisories/a/b.json", "advisories/CON.json", "advisories/.x.json",
		"advisories/x\x00.json", "", ".", "index.json/", "Index.json", "%2e%2e/evil",
	} {
		f := l.forge()
		f.targets.Signed.Targets[name] = f.targets.Signed.Targets[indexTarget]
		m.replace(f.into(t, l.snapshot()))
		if err := l.open(at(m.url)).Refresh(t.Context()); !errors.Is(err, &Error{Reason: Malformed}) {
			t.Errorf("%q: %v", name, err)
		}
		if kindOf(name) != noTarget || Published("targets/"+name) {
			t.Errorf("%q is taken for a file of a catalogue", name)
		}
	}
	// The control: a name that there is passes.
	f := l.forge()
	f.targets.Signed.Targets["advisories/TEST-1.json"] = fileOf("advisories/TEST-1.json", []byte("{}")).meta(nil)
	files := f.into(t, l.snapshot())
	files[targetPath("advisories/TEST-1.json", fileOf("", []byte("{}")).SHA256)] = []byte("{}")
	m.replace(files)
	l.refresh(l.open(at(m.url)))
}
