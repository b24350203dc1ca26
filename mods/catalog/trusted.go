package catalog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
)

// The roles of the TUF specification, section 2.1.
const (
	roleRoot      = metadata.ROOT
	roleTargets   = metadata.TARGETS
	roleSnapshot  = metadata.SNAPSHOT
	roleTimestamp = metadata.TIMESTAMP
)

// Bounds on metadata, in bytes. What is longer is not read. A snapshot and targets are
// also bounded by the length that the role above them signed.
const (
	maxRoot      = 512 << 10
	maxTimestamp = 16 << 10
	maxSnapshot  = 64 << 10
	maxTargets   = 8 << 20

	maxRotations = 256     // roots taken in one refresh
	maxVersion   = 1 << 40 // of any metadata
	maxKeys      = 64      // in a root
)

// trusted is what go-tuf's verified set leaves to its caller: metadata of a shape that
// it does not expect makes it panic, some of what the specification leaves open is
// settled here, and its errors become ours.
//
// It goes through the client workflow of TUF specification 1.0.31, section 5: roots,
// timestamps, snapshots, targets, in this order, each from the cache before those from
// the catalogue, so that what was seen before guards against going back.
type trusted struct {
	set *trustedmetadata.TrustedMetadata
}

// newTrusted begins with a root that is trusted because somebody vouches for it. All
// expiries are held against now; the zero time is before all of them.
func newTrusted(root []byte, now time.Time) (*trusted, error) {
	t := &trusted{}
	err := t.guard(roleRoot, func() error {
		if err := checkRoot(root); err != nil {
			return err
		}
		set, err := trustedmetadata.New(root)
		if err != nil {
			return err
		}
		set.RefTime = now
		t.set = set
		return nil
	})
	if err != nil {
		return nil, &Error{Reason: BadRoot, Name: "the first root", Err: err}
	}
	return t, nil
}

func (t *trusted) rootVersion() int64 { return t.set.Root.Signed.Version }

// addRoot takes the next root, which the keys of the last one and its own have signed.
func (t *trusted) addRoot(data []byte) error {
	return t.guard(metadataPath(roleRoot, t.rootVersion()+1), func() error {
		if err := checkRoot(data); err != nil {
			return err
		}
		_, err := t.set.UpdateRoot(data)
		return err
	})
}

// addTimestamp takes a timestamp that is newer than the last one, or is the same.
func (t *trusted) addTimestamp(data []byte) error {
	return t.guard(metadataPath(roleTimestamp, 0), func() error {
		if err := checkTimestamp(data); err != nil {
			return err
		}
		_, err := t.set.UpdateTimestamp(data)
		if errors.Is(err, &metadata.ErrEqualVersionNumber{}) {
			return nil
		}
		return err
	})
}

// fresh refuses a root or a timestamp whose time is over: sections 5.3.10 and 5.4.4.
func (t *trusted) fresh() error {
	if root := t.set.Root.Signed; root.IsExpired(t.set.RefTime) {
		return &ExpiredError{Role: roleRoot, Expires: root.Expires, Now: t.set.RefTime}
	}
	if stamp := t.set.Timestamp; stamp != nil && stamp.Signed.IsExpired(t.set.RefTime) {
		return &ExpiredError{Role: roleTimestamp, Expires: stamp.Signed.Expires, Now: t.set.RefTime}
	}
	return nil
}

// snapshotMeta is what the timestamp says of the snapshot.
func (t *trusted) snapshotMeta() *metadata.MetaFiles {
	return t.set.Timestamp.Signed.Meta["snapshot.json"]
}

// addSnapshot takes the snapshot that the timestamp names. One from the cache may be
// older: then it only guards against going back.
func (t *trusted) addSnapshot(data []byte, cached bool) error {
	return t.guard(metadataPath(roleSnapshot, t.snapshotMeta().Version), func() error {
		if err := checkSnapshot(data); err != nil {
			return err
		}
		_, err := t.set.UpdateSnapshot(data, cached)
		return err
	})
}

// targetsMeta is what the snapshot says of the targets.
func (t *trusted) targetsMeta() *metadata.MetaFiles {
	return t.set.Snapshot.Signed.Meta["targets.json"]
}

// addTargets takes the targets that the snapshot names, byte for byte.
func (t *trusted) addTargets(data []byte) error {
	name := metadataPath(roleTargets, t.targetsMeta().Version)
	return t.guard(name, func() error {
		if _, err := t.set.UpdateTargets(data); err != nil {
			if m, bad := metadata.Targets().FromBytes(data); bad == nil && m.Signed.IsExpired(t.set.RefTime) && t.fresh() == nil {
				return &ExpiredError{Role: roleTargets, Expires: m.Signed.Expires, Now: t.set.RefTime}
			}
			return err
		}
		return checkTargets(name, t.set.Targets[roleTargets])
	})
}

// signedAt is when the timestamp was made, as its signer says; zero if it does not.
func (t *trusted) signedAt() time.Time {
	text, _ := t.set.Timestamp.Signed.UnrecognizedFields[signedAtField].(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at
}

// signedAtField is a field of ours in the signed part of timestamps, which other clients
// of TUF pass over. A clock that is behind it is wrong.
const signedAtField = "x-modrunner-signed-at"

// expiry returns the role whose time is over first, and when.
func (t *trusted) expiry() (role string, at time.Time) {
	role, at = roleRoot, t.set.Root.Signed.Expires
	for _, r := range []struct {
		role string
		at   time.Time
	}{
		{roleTargets, t.set.Targets[roleTargets].Signed.Expires},
		{roleSnapshot, t.set.Snapshot.Signed.Expires},
		{roleTimestamp, t.set.Timestamp.Signed.Expires},
	} {
		if r.at.Before(at) {
			role, at = r.role, r.at
		}
	}
	return role, at
}

// guard turns what go-tuf says, or panics with, into errors of ours.
func (t *trusted) guard(name string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = malformed(name, "reading it failed: %v", p)
		}
	}()
	err = f()
	switch e := error(nil); {
	case err == nil:
		return nil
	case as(err, &e):
		return e
	case errors.Is(err, &metadata.ErrExpiredMetadata{}):
		return t.expired()
	case errors.Is(err, &metadata.ErrUnsignedMetadata{}):
		return &Error{Reason: NotSigned, Name: name, Err: err}
	case errors.Is(err, &metadata.ErrBadVersionNumber{}):
		return &Error{Reason: RolledBack, Name: name, Err: err}
	case errors.Is(err, &metadata.ErrLengthOrHashMismatch{}):
		return &Error{Reason: Mixed, Name: name, Err: err}
	}
	return &Error{Reason: Malformed, Name: name, Err: err}
}

// as finds an error of this package.
func as(err error, into *error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		*into = e
		return true
	}
	if e, ok := errors.AsType[*ExpiredError](err); ok {
		*into = e
		return true
	}
	return false
}

// expired finds out which of what is held has expired.
func (t *trusted) expired() error {
	if err := t.fresh(); err != nil {
		return err
	}
	return &ExpiredError{Role: roleSnapshot, Expires: t.set.Snapshot.Signed.Expires, Now: t.set.RefTime}
}

// checkRoot refuses a root of a shape that nobody makes with good intent, or that go-tuf
// would fall over. Signatures come later.
func checkRoot(data []byte) error {
	if err := wellFormed("root", data, maxRoot); err != nil {
		return err
	}
	m, err := metadata.Root().FromBytes(data)
	if err != nil {
		return err
	}
	root := m.Signed
	if root.Version < 1 || root.Version > maxVersion {
		return malformed("root", "version %d", root.Version)
	}
	if !root.ConsistentSnapshot {
		return malformed("root", "without consistent snapshots")
	}
	if len(root.Keys) > maxKeys {
		return malformed("root", "%d keys; at most %d", len(root.Keys), maxKeys)
	}
	for id, key := range root.Keys {
		if key == nil || key.Type != metadata.KeyTypeEd25519 || key.Scheme != metadata.KeySchemeEd25519 {
			return malformed("root", "the key %s is not of Ed25519", quoted(id))
		}
		if public, err := hex.DecodeString(key.Value.PublicKey); err != nil || len(public) != ed25519.PublicKeySize {
			return malformed("root", "the key %s has not %d bytes", quoted(id), ed25519.PublicKeySize)
		}
		if is, err := key.ID(); err != nil || is != id {
			return malformed("root", "the key %s is listed under another id", quoted(id))
		}
	}
	if len(root.Roles) != len(metadata.TOP_LEVEL_ROLE_NAMES) {
		return malformed("root", "%d roles; there are %d", len(root.Roles), len(metadata.TOP_LEVEL_ROLE_NAMES))
	}
	for _, name := range metadata.TOP_LEVEL_ROLE_NAMES {
		role := root.Roles[name]
		if role == nil {
			return malformed("root", "the role %s is missing", name)
		}
		ids := slices.Compact(slices.Sorted(slices.Values(role.KeyIDs)))
		if len(ids) != len(role.KeyIDs) || role.Threshold < 1 || role.Threshold > len(ids) {
			return malformed("root", "the role %s wants %d of %d keys, or names one twice", name, role.Threshold, len(ids))
		}
		for _, id := range ids {
			if root.Keys[id] == nil {
				return malformed("root", "the role %s has a key that is not there", name)
			}
		}
	}
	return nil
}

// checkTimestamp wants exactly what a timestamp has, with length and hash of the
// snapshot, which the specification leaves optional.
func checkTimestamp(data []byte) error {
	if err := wellFormed(roleTimestamp, data, maxTimestamp); err != nil {
		return err
	}
	m, err := metadata.Timestamp().FromBytes(data)
	if err != nil {
		return err
	}
	return checkMeta(roleTimestamp, m.Signed.Version, m.Signed.Meta, "snapshot.json", maxSnapshot)
}

// checkSnapshot wants exactly what a snapshot has; there are no delegations.
func checkSnapshot(data []byte) error {
	if err := wellFormed(roleSnapshot, data, maxSnapshot); err != nil {
		return err
	}
	m, err := metadata.Snapshot().FromBytes(data)
	if err != nil {
		return err
	}
	return checkMeta(roleSnapshot, m.Signed.Version, m.Signed.Meta, "targets.json", maxTargets)
}

func checkMeta(role string, version int64, meta map[string]*metadata.MetaFiles, file string, most int64) error {
	f := meta[file]
	switch {
	case version < 1 || version > maxVersion:
		return malformed(role, "version %d", version)
	case len(meta) != 1 || f == nil:
		return malformed(role, "it is about %d files; want %s alone", len(meta), file)
	case f.Version < 1 || f.Version > maxVersion:
		return malformed(role, "version %d of %s", f.Version, file)
	case f.Length < 1 || f.Length > most:
		return malformed(role, "%s of %d bytes; at most %d", file, f.Length, most)
	case len(f.Hashes) != 1 || len(f.Hashes["sha256"]) != sha256.Size:
		return malformed(role, "%s without its SHA-256", file)
	}
	return nil
}

// checkTargets wants of each target a name that there is, its length, and its SHA-256.
func checkTargets(name string, m *metadata.Metadata[metadata.TargetsType]) error {
	if m.Signed.Delegations != nil {
		return malformed(name, "delegations, which a catalogue does not have")
	}
	advisories := 0
	for path, f := range m.Signed.Targets {
		kind := kindOf(path)
		most := map[targetKind]int64{indexKind: maxIndex, revocationsKind: maxRevocations, advisoryKind: maxAdvisory, bundleKind: maxArchive}[kind]
		switch {
		case kind == noTarget:
			return malformed(name, "a target %s, which a catalogue does not have", quoted(path))
		case f == nil || len(f.Hashes) != 1 || len(f.Hashes["sha256"]) != sha256.Size:
			return malformed(name, "the target %s without its SHA-256", quoted(path))
		case f.Length < 1 || f.Length > most:
			return malformed(name, "the target %s of %d bytes; at most %d", quoted(path), f.Length, most)
		}
		if kind == advisoryKind {
			advisories++
		}
	}
	if advisories > maxAdvisories {
		return malformed(name, "%d advisories; at most %d", advisories, maxAdvisories)
	}
	for _, needed := range []string{indexTarget, revocationsTarget} {
		if m.Signed.Targets[needed] == nil {
			return malformed(name, "without %s", needed)
		}
	}
	return nil
}

// maxArchive is the largest bundle that a catalogue can name, whatever a client takes.
const maxArchive = 1 << 30

// target is what signed metadata says of one target.
type target struct {
	name   string
	length int64
	sum    [sha256.Size]byte
	custom []byte // nil: none
}

func (t *trusted) targets() map[string]target {
	out := map[string]target{}
	for name, f := range t.set.Targets[roleTargets].Signed.Targets {
		is := target{name: name, length: f.Length, sum: [sha256.Size]byte(f.Hashes["sha256"])}
		if f.Custom != nil {
			is.custom = *f.Custom
		}
		out[name] = is
	}
	return out
}

func (t target) path() string { return targetPath(t.name, t.sum[:]) }

// check holds bytes against what was signed.
func (t target) check(data []byte) error {
	if int64(len(data)) != t.length {
		return &Error{Reason: WrongLength, Name: t.name, Detail: fmt.Sprintf("%d bytes; the catalogue says %d", len(data), t.length)}
	}
	if sha256.Sum256(data) != t.sum {
		return &Error{Reason: WrongHash, Name: t.name, Detail: "its SHA-256 is not the one that the catalogue signed"}
	}
	return nil
}
