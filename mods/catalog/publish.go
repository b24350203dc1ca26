package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Publication says what clients see from now on.
type Publication struct {
	Root, Targets, Snapshot, Timestamp int64 // versions
	Bundles, Advisories, Revocations   int
	Expires                            time.Time // when the first part expires
	Role                               string    // which part that is
	RootExpires                        time.Time
}

// Publish signs the draft, and puts it where clients see it. Before anything is written,
// it is read as clients read it: what they would refuse is not published. The timestamp
// is written last: a client that reads meanwhile sees the old catalogue or the new.
//
// Publish again, without changes, before the targets and the snapshot expire.
func (p *Publisher) Publish() (Publication, error) {
	root, err := p.root()
	if err != nil {
		return Publication{}, err
	}
	versions, err := p.nextVersions(root)
	if err != nil {
		return Publication{}, err
	}
	next, err := p.prepare(root, p.keysFor(root), versions)
	if err != nil {
		return Publication{}, err
	}
	if err := next.verify(root.bytes, p.o.Now()); err != nil {
		return Publication{}, err
	}
	return p.release(next)
}

// release writes a publication that was verified, the timestamp last.
func (p *Publisher) release(next *publication) (Publication, error) {
	for _, f := range next.files {
		if err := p.expose(f); err != nil {
			return Publication{}, err
		}
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{metadataPath(roleTargets, next.versions.Targets), next.targets},
		{metadataPath(roleSnapshot, next.versions.Snapshot), next.snapshot},
		{metadataPath(roleTimestamp, 0), next.timestamp},
	} {
		if err := p.write(p.public(f.name), f.data, 0o644); err != nil {
			return Publication{}, err
		}
	}
	p.state.Versions, p.state.Changed = next.versions, false
	if err := p.save(); err != nil {
		return Publication{}, err
	}
	for _, f := range next.files {
		_ = os.Remove(p.staged(f.file)) // it is published; a copy that stays does no harm
	}
	return next.told, nil
}

// RefreshTimestamp says anew that what is published is the newest. It needs the keys of
// the timestamp alone, and is done at least as often as the timestamp expires.
func (p *Publisher) RefreshTimestamp() (Publication, error) {
	root, err := p.root()
	if err != nil {
		return Publication{}, err
	}
	now := p.o.Now()
	old, err := p.published(root)
	if err != nil {
		return Publication{}, err
	}
	if old == nil || old.set.Targets[roleTargets] == nil {
		return Publication{}, &Error{Reason: Missing, Name: p.o.Dir, Detail: "nothing was published yet, or not all of it is there; want publish"}
	}
	for role, expires := range map[string]time.Time{
		roleSnapshot: old.set.Snapshot.Signed.Expires, roleTargets: old.set.Targets[roleTargets].Signed.Expires,
	} {
		if now.After(expires) {
			return Publication{}, &ExpiredError{Role: role, Expires: expires, Now: now}
		}
	}
	by := p.keysFor(root)[roleTimestamp]
	if err := enough(&root.meta.Signed, roleTimestamp, by); err != nil {
		return Publication{}, err
	}
	stamp := metadata.Timestamp(p.until(p.state.Expiry.Timestamp))
	stamp.Signed.Version = max(p.state.Versions.Timestamp, old.stampVersion()) + 1
	stamp.Signed.Meta = map[string]*metadata.MetaFiles{"snapshot.json": old.snapshotMeta()}
	stamp.Signed.UnrecognizedFields = map[string]any{signedAtField: p.now().Format(time.RFC3339)}
	data, err := signed(stamp, by...)
	if err != nil {
		return Publication{}, err
	}
	if err := old.replaces(root.bytes, data, now); err != nil {
		return Publication{}, err
	}
	if err := p.write(p.public(metadataPath(roleTimestamp, 0)), data, 0o644); err != nil {
		return Publication{}, err
	}
	p.state.Versions.Timestamp = stamp.Signed.Version
	old.set.Timestamp = stamp
	told := Publication{
		Root: root.meta.Signed.Version, Targets: old.set.Targets[roleTargets].Signed.Version,
		Snapshot: old.set.Snapshot.Signed.Version, Timestamp: stamp.Signed.Version, RootExpires: root.meta.Signed.Expires,
	}
	told.count(old.targets())
	told.Revocations = len(p.state.Revocations)
	told.Role, told.Expires = old.expiry()
	return told, p.save()
}

// replaces checks that a new timestamp would be taken.
func (t *trusted) replaces(root, stamp []byte, now time.Time) error {
	fresh, err := newTrusted(root, now)
	if err != nil {
		return err
	}
	fresh.set.Timestamp = t.set.Timestamp
	return fresh.addTimestamp(stamp)
}

func (told *Publication) count(targets map[string]target) {
	for name := range targets {
		switch kindOf(name) {
		case bundleKind:
			told.Bundles++
		case advisoryKind:
			told.Advisories++
		}
	}
}

// heldRoot is a root, and its bytes.
type heldRoot struct {
	meta  *metadata.Metadata[metadata.RootType]
	bytes []byte
}

// root returns the newest root. One is kept with the keys; those that follow from it,
// and are public, were made elsewhere, or before a crash.
func (p *Publisher) root() (*heldRoot, error) {
	ctx := context.Background()
	data, err := folder{p.o.Keys[0]}.read(ctx, rootFile, maxRoot)
	if err != nil {
		return nil, err
	}
	t, err := newTrusted(data, time.Time{})
	if err != nil {
		return nil, err
	}
	for {
		next, err := folder{p.o.Dir}.read(ctx, metadataPath(roleRoot, t.rootVersion()+1), maxRoot)
		if errors.Is(err, missing) {
			return &heldRoot{t.set.Root, data}, nil
		}
		if err != nil {
			return nil, err
		}
		if err := t.addRoot(next); err != nil {
			return nil, err
		}
		data = next
		if err := p.write(p.keyFile(rootFile), data, 0o644); err != nil {
			return nil, err
		}
	}
}

// keysFor returns the private keys that are here, by role.
func (p *Publisher) keysFor(root *heldRoot) map[string][]signer {
	by := map[string][]signer{}
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		by[role] = signersOf(&root.meta.Signed, role, p.keys)
	}
	return by
}

// published verifies what is public now, under a root, and goes as far as there is
// something; expiry plays no part. It is nil if nothing is there.
func (p *Publisher) published(root *heldRoot) (*trusted, error) {
	ctx, public := context.Background(), folder{p.o.Dir}
	t, err := newTrusted(root.bytes, time.Time{})
	if err != nil {
		return nil, err
	}
	stamp, err := public.read(ctx, metadataPath(roleTimestamp, 0), maxTimestamp)
	if errors.Is(err, missing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := t.addTimestamp(stamp); err != nil {
		return nil, err
	}
	meta := t.snapshotMeta()
	snapshot, err := public.read(ctx, metadataPath(roleSnapshot, meta.Version), meta.Length)
	if errors.Is(err, missing) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	if err := t.addSnapshot(snapshot, false); err != nil {
		return nil, err
	}
	meta = t.targetsMeta()
	targets, err := public.read(ctx, metadataPath(roleTargets, meta.Version), meta.Length)
	if errors.Is(err, missing) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	return t, t.addTargets(targets)
}

// publication is all that is to be written.
type publication struct {
	versions                     versions
	targets, snapshot, timestamp []byte
	files                        []exposed
	told                         Publication
}

// exposed is a target; data is nil if it is staged, or public already.
type exposed struct {
	file
	data []byte
}

func (p *Publisher) until(d time.Duration) time.Time { return p.now().Add(d) }

// prepare makes and signs the next publication.
func (p *Publisher) prepare(root *heldRoot, by map[string][]signer, next versions) (*publication, error) {
	for _, role := range []string{roleTargets, roleSnapshot, roleTimestamp} {
		if err := enough(&root.meta.Signed, role, by[role]); err != nil {
			return nil, err
		}
	}
	out := &publication{versions: next}
	var err error
	targets := metadata.Targets(p.until(p.state.Expiry.Targets))
	targets.Signed.Version = next.Targets
	if err := p.list(out, targets); err != nil {
		return nil, err
	}
	if out.targets, err = signed(targets, by[roleTargets]...); err != nil {
		return nil, err
	}
	snapshot := metadata.Snapshot(p.until(p.state.Expiry.Snapshot))
	snapshot.Signed.Version = next.Snapshot
	snapshot.Signed.Meta = map[string]*metadata.MetaFiles{"targets.json": metaOf(next.Targets, out.targets)}
	if out.snapshot, err = signed(snapshot, by[roleSnapshot]...); err != nil {
		return nil, err
	}
	stamp := metadata.Timestamp(p.until(p.state.Expiry.Timestamp))
	stamp.Signed.Version = next.Timestamp
	stamp.Signed.Meta = map[string]*metadata.MetaFiles{"snapshot.json": metaOf(next.Snapshot, out.snapshot)}
	stamp.Signed.UnrecognizedFields = map[string]any{signedAtField: p.now().Format(time.RFC3339)}
	if out.timestamp, err = signed(stamp, by[roleTimestamp]...); err != nil {
		return nil, err
	}
	return out, nil
}

func metaOf(version int64, data []byte) *metadata.MetaFiles {
	f := fileOf("", data)
	m := metadata.MetaFile(version)
	m.Length = f.Length
	m.Hashes["sha256"] = f.SHA256
	return m
}

// nextVersions are higher than any that were ever public.
func (p *Publisher) nextVersions(root *heldRoot) (versions, error) {
	next := p.state.Versions
	old, err := p.published(root)
	if errors.Is(err, notSigned) {
		// Of keys that were rotated away; what they signed counts no more.
		old, err = nil, nil
	}
	if err != nil {
		return versions{}, err
	}
	if old != nil {
		next.Timestamp = max(next.Timestamp, old.stampVersion())
		next.Snapshot = max(next.Snapshot, old.snapshotMeta().Version)
		if old.set.Snapshot != nil {
			next.Targets = max(next.Targets, old.targetsMeta().Version)
		}
	}
	return versions{next.Targets + 1, next.Snapshot + 1, next.Timestamp + 1}, nil
}

// list fills the targets with all that is in the draft.
func (p *Publisher) list(next *publication, targets *metadata.Metadata[metadata.TargetsType]) error {
	texts := index{Format: listingFormat, Mods: []description{}}
	add := func(f file, data, custom []byte) {
		next.files = append(next.files, exposed{f, data})
		targets.Signed.Targets[f.Name] = f.meta(custom)
	}
	for i, b := range p.state.Bundles {
		custom, err := json.Marshal(custom{Format: entryFormat, Entry: b.Entry})
		if err != nil {
			return err
		}
		add(b.File, nil, custom)
		if i == 0 || p.state.Bundles[i-1].Entry.ID != b.Entry.ID { // the newest comes first
			texts.Mods = append(texts.Mods, b.Text)
		}
	}
	for _, f := range p.state.Advisories {
		add(f, nil, nil)
	}
	for _, listing := range []struct {
		name string
		doc  any
	}{
		{indexTarget, texts},
		{revocationsTarget, revocations{Format: listingFormat, Keys: append([]Revocation{}, p.state.Revocations...)}},
	} {
		data, err := encode(listing.doc)
		if err != nil {
			return err
		}
		add(fileOf(listing.name, data), data, nil)
	}
	next.told.Bundles, next.told.Advisories, next.told.Revocations = len(p.state.Bundles), len(p.state.Advisories), len(p.state.Revocations)
	return nil
}

// verify reads a publication as a client would that has only the root.
func (next *publication) verify(root []byte, now time.Time) error {
	t, err := newTrusted(root, now)
	if err != nil {
		return err
	}
	if err := t.addTimestamp(next.timestamp); err != nil {
		return err
	}
	if err := t.addSnapshot(next.snapshot, false); err != nil {
		return err
	}
	if err := t.addTargets(next.targets); err != nil {
		return err
	}
	listings := map[string][]byte{}
	for _, f := range next.files {
		listings[f.Name] = f.data
	}
	_, err = newView(t, now, func(want target) ([]byte, error) { return listings[want.name], nil })
	next.told.Root, next.told.RootExpires = t.rootVersion(), t.set.Root.Signed.Expires
	next.told.Targets, next.told.Snapshot, next.told.Timestamp = next.versions.Targets, next.versions.Snapshot, next.versions.Timestamp
	next.told.Role, next.told.Expires = t.expiry()
	return err
}

func (p *Publisher) staged(f file) string {
	return p.keyFile(filepath.Join(staged, hexOf(f.SHA256)))
}

// expose puts a target where clients find it. One that is there already has to have its
// length; its content clients check.
func (p *Publisher) expose(f exposed) error {
	path := p.public(targetPath(f.Name, f.SHA256))
	data := f.data
	if data == nil {
		var err error
		data, err = os.ReadFile(p.staged(f.file))
		if errors.Is(err, os.ErrNotExist) {
			info, err := os.Lstat(path)
			if err != nil || !info.Mode().IsRegular() || info.Size() != f.Length {
				return &Error{Reason: Missing, Name: path, Detail: fmt.Sprintf("it was published with %d bytes; put it back, or add the bundle again", f.Length)}
			}
			return nil
		}
		if err != nil {
			return &Error{Reason: Unreachable, Name: p.staged(f.file), Err: bare(err)}
		}
		if !slices.Equal(fileOf("", data).SHA256, f.SHA256) {
			return &Error{Reason: WrongHash, Name: p.staged(f.file), Detail: "it changed since it was added"}
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return &Error{Reason: Unreachable, Name: path, Err: bare(err)}
	}
	return p.write(path, data, 0o644)
}
