package catalog

import (
	"fmt"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Rotation changes the keys of a role. The zero Rotation of a role changes nothing and
// signs the root anew, for another year.
type Rotation struct {
	Role      string   // "" is root
	Add       int      // so many new keys
	Remove    []string // ids of keys, or their first digits, at least 8
	Threshold int      // 0 leaves it as it is
}

// Rotate publishes the next root, with other keys. It is signed by enough of the old
// root's keys and enough of its own, so that old clients can follow. Clients go on
// without a gap if enough of the role's old keys are here too; without them, a client
// that refreshes in the moment between two files has to try again.
func (p *Publisher) Rotate(r Rotation) (Publication, error) {
	if r.Role == "" {
		r.Role = roleRoot
	}
	old, err := p.root()
	if err != nil {
		return Publication{}, err
	}
	next, err := newTrusted(old.bytes, time.Time{}) // a copy
	if err != nil {
		return Publication{}, err
	}
	root := next.set.Root
	if err := p.change(&root.Signed, r); err != nil {
		return Publication{}, err
	}
	root.Signed.Version++
	root.Signed.Expires = p.until(p.state.Expiry.Root)
	oldKeys := signersOf(&old.meta.Signed, roleRoot, p.keys)
	newKeys := signersOf(&root.Signed, roleRoot, p.keys)
	if err := enough(&old.meta.Signed, roleRoot, oldKeys); err != nil {
		return Publication{}, err
	}
	if err := enough(&root.Signed, roleRoot, newKeys); err != nil {
		return Publication{}, err
	}
	data, err := signed(root, append(oldKeys, newKeys...)...)
	if err != nil {
		return Publication{}, err
	}
	follows, err := newTrusted(old.bytes, time.Time{})
	if err != nil {
		return Publication{}, err
	}
	if err := follows.addRoot(data); err != nil {
		return Publication{}, err
	}
	return p.switchRoot(old, &heldRoot{root, data})
}

// switchRoot publishes under both roots first, and then the root. Where that cannot be
// done the root comes first.
func (p *Publisher) switchRoot(old, next *heldRoot) (Publication, error) {
	writeRoot := func() error {
		if err := p.write(p.public(metadataPath(roleRoot, next.meta.Signed.Version)), next.bytes, 0o644); err != nil {
			return err
		}
		return p.write(p.keyFile(rootFile), next.bytes, 0o644)
	}
	told := Publication{Root: next.meta.Signed.Version, Role: roleRoot, Expires: next.meta.Signed.Expires, RootExpires: next.meta.Signed.Expires}
	if p.state.Versions.Timestamp == 0 { // nobody saw anything yet
		return told, writeRoot()
	}
	by := p.keysFor(next)
	for role, signers := range p.keysFor(old) {
		by[role] = append(by[role], signers...)
	}
	versions, err := p.nextVersions(old)
	if err != nil {
		return Publication{}, err
	}
	both, err := p.prepare(next, by, versions)
	if err != nil {
		return Publication{}, err
	}
	if err := both.verify(next.bytes, p.o.Now()); err != nil {
		return Publication{}, err
	}
	gapless := *both // verify notes what it found
	if gapless.verify(old.bytes, time.Time{}) != nil {
		if err := writeRoot(); err != nil {
			return Publication{}, err
		}
		return p.release(both)
	}
	told, err = p.release(both)
	if err != nil {
		return Publication{}, err
	}
	return told, writeRoot()
}

// change edits the keys of a role. New ones are written into the first key folder.
func (p *Publisher) change(root *metadata.RootType, r Rotation) error {
	role := root.Roles[r.Role]
	if role == nil {
		return &Error{Reason: BadOptions, Name: r.Role, Detail: "no role; want root, targets, snapshot or timestamp"}
	}
	for _, prefix := range r.Remove {
		var ids []string
		for _, id := range role.KeyIDs {
			if len(prefix) >= 8 && len(prefix) <= len(id) && id[:len(prefix)] == prefix {
				ids = append(ids, id)
			}
		}
		if len(ids) != 1 {
			return &Error{Reason: BadOptions, Name: prefix, Detail: fmt.Sprintf("%d keys of the %s have an id that begins so; want at least 8 digits of one", len(ids), r.Role)}
		}
		if err := root.RevokeKey(ids[0], r.Role); err != nil {
			return &Error{Reason: BadOptions, Name: prefix, Err: err}
		}
	}
	if r.Threshold != 0 {
		role.Threshold = r.Threshold
	}
	if left := len(root.Roles[r.Role].KeyIDs) + max(r.Add, 0); r.Add < 0 || left > maxKeys/4 || role.Threshold < 1 || role.Threshold > left {
		return &Error{Reason: BadOptions, Name: r.Role, Detail: fmt.Sprintf("%d of %d keys would have to sign; want at least 1 of at most %d", role.Threshold, left, maxKeys/4)}
	}
	for range r.Add {
		s, err := generate(p.o.Keys[0], r.Role)
		if err != nil {
			return err
		}
		p.keys[s.id] = s
		if err := root.AddKey(s.public, r.Role); err != nil {
			return err
		}
	}
	return nil
}

// RoleKeys are the keys of a role, as the newest root has them.
type RoleKeys struct {
	Role      string
	Threshold int
	IDs       []string // sorted
	Here      []string // those whose private keys are at hand, sorted
}

// Roles lists the keys of all roles.
func (p *Publisher) Roles() ([]RoleKeys, error) {
	root, err := p.root()
	if err != nil {
		return nil, err
	}
	var out []RoleKeys
	for _, name := range metadata.TOP_LEVEL_ROLE_NAMES {
		role := root.meta.Signed.Roles[name]
		keys := RoleKeys{Role: name, Threshold: role.Threshold, IDs: slices.Sorted(slices.Values(role.KeyIDs))}
		for _, s := range signersOf(&root.meta.Signed, name, p.keys) {
			keys.Here = append(keys.Here, s.id)
		}
		out = append(out, keys)
	}
	return out, nil
}
