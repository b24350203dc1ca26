package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/internal/filelock"
)

// ClockTolerance is how far a clock may be behind what it was, or behind the catalogue's.
const ClockTolerance = time.Hour

func (c *Client) refresh(ctx context.Context) (*view, error) {
	if c.o.Offline {
		v, err := c.reload(ctx)
		if errors.Is(err, missing) {
			// Somebody else refreshed in between, and tidied up.
			v, err = c.reload(ctx)
		}
		return v, err
	}
	held, err := filelock.Lock(ctx, c.disk().at(lockName))
	if err != nil {
		return nil, &Error{Reason: Unreachable, Name: c.disk().at(lockName), Err: bare(err)}
	}
	defer held.Close()
	return c.ask(ctx)
}

func (c *Client) disk() remembered { return remembered{folder{c.o.Cache}} }

// ask is the client workflow of TUF specification 1.0.31, section 5, with the catalogue's
// own files at its end. The lock is held.
func (c *Client) ask(ctx context.Context) (*view, error) {
	disk, now := c.disk(), c.o.Now()
	t, err := c.askRoots(ctx, now)
	if err != nil {
		return nil, err
	}
	stamp, err := c.askTimestamp(ctx, t)
	if err != nil {
		return nil, err
	}
	if had := c.now(); had.is(t) && !now.After(had.state.Expires) {
		if err := timely(now, had.state.SignedAt, had.state.Refreshed); err != nil {
			return nil, err
		}
		same := *had
		same.state.Refreshed = now.UTC()
		return &same, nil
	}
	last, err := disk.last(ctx)
	if err != nil {
		return nil, err
	}
	if err := timely(now, t.signedAt(), last.refreshed()); err != nil {
		return nil, err
	}
	next := &lastGood{Format: listingFormat, Refreshed: now.UTC(), Timestamp: stamp}
	if next.Snapshot, err = c.askSnapshot(ctx, t, last); err != nil {
		return nil, err
	}
	if next.Targets, err = c.askTargets(ctx, t, last); err != nil {
		return nil, err
	}
	v, err := newView(t, next.Refreshed, func(want target) ([]byte, error) { return c.askFile(ctx, want) })
	if err != nil {
		return nil, err
	}
	data, err := encode(next)
	if err != nil {
		return nil, err
	}
	if err := disk.write(lastName, data); err != nil {
		return nil, err
	}
	disk.forget(t.targets())
	return v, nil
}

// is reports whether a view is of the very root and timestamp that t has come to.
func (v *view) is(t *trusted) bool {
	return v.bundles != nil && v.state.Root == t.rootVersion() && v.stamp == t.stampVersion()
}

func (l *lastGood) refreshed() time.Time {
	if l == nil {
		return time.Time{}
	}
	return l.Refreshed
}

// askRoots follows the chain of roots to its end: section 5.3.
func (c *Client) askRoots(ctx context.Context, now time.Time) (*trusted, error) {
	t, err := newTrusted(c.o.Root, now)
	if err != nil {
		return nil, err
	}
	if err := c.disk().roots(ctx, t, c.o.Root); err != nil {
		return nil, err
	}
	for range maxRotations {
		name := metadataPath(roleRoot, t.rootVersion()+1)
		data, err := c.source.read(ctx, name, maxRoot)
		if errors.Is(err, missing) {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := t.addRoot(data); err != nil {
			return nil, err
		}
		if err := c.disk().write(name, data); err != nil {
			return nil, err
		}
	}
	return t, t.fresh()
}

// askTimestamp takes the newest timestamp: section 5.4. It returns its bytes.
func (c *Client) askTimestamp(ctx context.Context, t *trusted) ([]byte, error) {
	seen, err := c.disk().stamp(ctx)
	if err != nil {
		return nil, err
	}
	stamp := seen
	if seen != nil {
		// It may have expired, or be of a key that was rotated away since: section
		// 5.3.11. Anything else is a cache that is broken.
		err := t.addTimestamp(seen)
		if err != nil && !isExpired(err) && !errors.Is(err, notSigned) {
			return nil, err
		}
	}
	before := t.stampVersion()
	data, err := c.source.read(ctx, metadataPath(roleTimestamp, 0), maxTimestamp)
	if err != nil {
		return nil, err
	}
	if err := t.addTimestamp(data); err != nil {
		return nil, err
	}
	if t.stampVersion() > before {
		if err := c.disk().write(stampName, data); err != nil {
			return nil, err
		}
		stamp = data
	}
	return stamp, t.fresh()
}

var notSigned error = &Error{Reason: NotSigned}

func isExpired(err error) bool {
	_, ok := errors.AsType[*ExpiredError](err)
	return ok
}

func (t *trusted) stampVersion() int64 {
	if t.set.Timestamp == nil {
		return 0
	}
	return t.set.Timestamp.Signed.Version
}

// askSnapshot takes the snapshot that the timestamp names: section 5.5.
func (c *Client) askSnapshot(ctx context.Context, t *trusted, last *lastGood) ([]byte, error) {
	meta := t.snapshotMeta()
	if last != nil {
		// An older one is no error: it guards against going back.
		err := t.addSnapshot(last.Snapshot, true)
		if err == nil && meta.VerifyLengthHashes(last.Snapshot) == nil {
			return last.Snapshot, nil
		}
	}
	data, err := c.source.read(ctx, metadataPath(roleSnapshot, meta.Version), meta.Length)
	if err != nil {
		return nil, err
	}
	return data, t.addSnapshot(data, false)
}

// askTargets takes the targets that the snapshot names: section 5.6.
func (c *Client) askTargets(ctx context.Context, t *trusted, last *lastGood) ([]byte, error) {
	if last != nil && t.addTargets(last.Targets) == nil {
		return last.Targets, nil
	}
	meta := t.targetsMeta()
	data, err := c.source.read(ctx, metadataPath(roleTargets, meta.Version), meta.Length)
	if err != nil {
		return nil, err
	}
	return data, t.addTargets(data)
}

// askFile takes a file that belongs to every view. One that cannot be had makes the whole
// catalogue unusable: who could hold back a revocation alone could freeze it.
func (c *Client) askFile(ctx context.Context, want target) ([]byte, error) {
	disk := c.disk()
	if data, err := disk.target(ctx, want); err == nil {
		return data, nil
	}
	data, err := c.source.read(ctx, want.path(), want.length)
	if err != nil {
		return nil, err
	}
	if err := want.check(data); err != nil {
		return nil, err
	}
	return data, disk.writeTarget(want, data)
}

// reload verifies the last good catalogue again, and asks nobody.
func (c *Client) reload(ctx context.Context) (*view, error) {
	disk, now := c.disk(), c.o.Now()
	last, err := disk.last(ctx)
	if err != nil {
		return nil, err
	}
	if last == nil {
		return nil, &Error{Reason: NotCached, Name: c.o.Cache, Detail: "the catalogue was never refreshed here"}
	}
	at := now
	if c.o.AllowExpired {
		at = time.Time{} // before all expiries; State tells the truth
	}
	t, err := newTrusted(c.o.Root, at)
	if err != nil {
		return nil, err
	}
	if err := disk.roots(ctx, t, c.o.Root); err != nil {
		return nil, err
	}
	if err := t.addTimestamp(last.Timestamp); err != nil {
		return nil, err
	}
	if err := timely(now, t.signedAt(), last.Refreshed); err != nil {
		return nil, err
	}
	if err := t.addSnapshot(last.Snapshot, false); err != nil {
		return nil, err
	}
	if err := t.addTargets(last.Targets); err != nil {
		return nil, err
	}
	v, err := newView(t, last.Refreshed, func(want target) ([]byte, error) { return disk.target(ctx, want) })
	if err != nil {
		return nil, err
	}
	v.state.Expired = now.After(v.state.Expires)
	return v, nil
}

// timely refuses to go on where the clock of this machine is certainly wrong: with it,
// nothing would ever expire.
func timely(now, signed, refreshed time.Time) error {
	seen, what := signed, "the catalogue was signed at"
	if refreshed.After(seen) {
		seen, what = refreshed, "this cache was last refreshed at"
	}
	if now.Add(ClockTolerance).Before(seen) {
		return &Error{Reason: ClockBehind, Detail: fmt.Sprintf("it says %s, and %s %s: set the clock",
			now.UTC().Format(time.RFC3339), what, seen.UTC().Format(time.RFC3339))}
	}
	return nil
}

// newView reads what the verified targets name.
func newView(t *trusted, refreshed time.Time, read func(target) ([]byte, error)) (*view, error) {
	v := &view{entries: map[string][]Entry{}, bundles: map[string]listed{}, stamp: t.stampVersion()}
	v.state = State{Version: t.set.Snapshot.Signed.Version, Root: t.rootVersion(), SignedAt: t.signedAt(), Refreshed: refreshed}
	v.state.Role, v.state.Expires = t.expiry()

	targets := t.targets()
	data, err := read(targets[indexTarget])
	if err != nil {
		return nil, err
	}
	texts, err := parseIndex(data)
	if err != nil {
		return nil, err
	}
	if data, err = read(targets[revocationsTarget]); err != nil {
		return nil, err
	}
	revoked, err := parseRevocations(data)
	if err != nil {
		return nil, err
	}
	v.revocations = revoked.Keys

	versions := map[string]string{}
	for name, is := range targets {
		switch kindOf(name) {
		case bundleKind:
			e, err := parseEntry(name, is.custom)
			if err != nil {
				return nil, err
			}
			if twice, ok := versions[e.String()]; ok {
				return nil, malformed(name, "%s is %s too", quoted(e.String()), twice)
			}
			versions[e.String()] = name
			if d, ok := texts.of(e.ID); ok {
				e.Name, e.Description, e.Authors, e.License = d.Name, d.Description, d.Authors, d.License
			}
			e.Size = is.length
			v.entries[e.ID] = append(v.entries[e.ID], e)
			v.bundles[e.Digest] = listed{e, is}
		case advisoryKind:
			if data, err = read(is); err != nil {
				return nil, err
			}
			id := strings.TrimSuffix(strings.TrimPrefix(name, advisoriesFolder), advisorySuffix)
			v.advisories = append(v.advisories, Advisory{ID: id, Data: data})
		}
	}
	slices.SortFunc(v.advisories, func(a, b Advisory) int { return strings.Compare(a.ID, b.ID) })
	for _, all := range v.entries {
		slices.SortFunc(all, newer)
	}
	return v, nil
}
