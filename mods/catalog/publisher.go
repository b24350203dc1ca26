package catalog

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/internal/atomicfile"
	"github.com/luasandbox/modrunner/mods/internal/filelock"
)

// Threshold says how many keys a role has, and how many of them have to sign.
type Threshold struct{ Need, Keys int }

// Expiry says for how long a role's signatures are good. A zero field is the default:
// a year, 90 days, 7 days and a day.
type Expiry struct{ Root, Targets, Snapshot, Timestamp time.Duration }

const day = 24 * time.Hour

func (e Expiry) resolve() Expiry {
	return Expiry{
		Root: cmp.Or(e.Root, 365*day), Targets: cmp.Or(e.Targets, 90*day),
		Snapshot: cmp.Or(e.Snapshot, 7*day), Timestamp: cmp.Or(e.Timestamp, day),
	}
}

// PublisherOptions say where a catalogue is made.
type PublisherOptions struct {
	// Dir is the folder that is hosted, with all that is public.
	Dir string
	// Keys are the folders of private keys. The first also has what is to be published,
	// and takes new keys; it is backed up, and never hosted. Others may be on a medium
	// that is put in when it is needed: keys of the root belong on one.
	Keys []string
	// Now is the time; nil is time.Now.
	Now func() time.Time
}

// KeysBeside returns the key folder that belongs to a catalogue if nothing else is said:
// beside it, with ".keys" at its end.
func KeysBeside(dir string) string { return filepath.Clean(dir) + ".keys" }

func (o PublisherOptions) resolve() (PublisherOptions, error) {
	if o.Dir == "" {
		return o, &Error{Reason: BadOptions, Detail: "no folder named for the catalogue"}
	}
	if len(o.Keys) == 0 {
		o.Keys = []string{KeysBeside(o.Dir)}
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return o, &Error{Reason: BadOptions, Name: o.Dir, Err: err}
	}
	for _, keys := range o.Keys {
		abs, err := filepath.Abs(keys)
		if err != nil {
			return o, &Error{Reason: BadOptions, Name: keys, Err: err}
		}
		if rel, err := filepath.Rel(dir, abs); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return o, &Error{Reason: BadOptions, Name: keys, Detail: "keys inside the folder that is hosted"}
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// Init makes a catalogue: new keys, and the first root, which clients have to be given
// some other way. A role without a threshold has one key. The folders are made; neither
// may hold a catalogue already. The catalogue is empty, and there for clients with the
// first [Publisher.Publish].
//
// The error is an [*Error].
func Init(o PublisherOptions, thresholds map[string]Threshold, expiry Expiry) error {
	o, err := o.resolve()
	if err != nil {
		return err
	}
	for role, t := range thresholds {
		if !slices.Contains(metadata.TOP_LEVEL_ROLE_NAMES[:], role) {
			return &Error{Reason: BadOptions, Name: role, Detail: "no role; want root, targets, snapshot or timestamp"}
		}
		if t.Need < 1 || t.Keys < t.Need || t.Keys > maxKeys/4 {
			return &Error{Reason: BadOptions, Name: role, Detail: fmt.Sprintf("%d of %d keys; want at least 1 of at most %d", t.Need, t.Keys, maxKeys/4)}
		}
	}
	if expiry.Root < 0 || expiry.Targets < 0 || expiry.Snapshot < 0 || expiry.Timestamp < 0 {
		return &Error{Reason: BadOptions, Detail: "an expiry is in the past"}
	}
	if err := os.MkdirAll(o.Keys[0], 0o700); err != nil {
		return &Error{Reason: Unreachable, Name: o.Keys[0], Err: bare(err)}
	}
	for _, sub := range []string{metadataFolder, targetsFolder + "/" + advisoriesFolder, targetsFolder + "/" + bundlesFolder} {
		if err := os.MkdirAll(filepath.Join(o.Dir, filepath.FromSlash(sub)), 0o755); err != nil {
			return &Error{Reason: Unreachable, Name: o.Dir, Err: bare(err)}
		}
	}
	held, err := filelock.Try(filepath.Join(o.Keys[0], lockName))
	if err != nil {
		return &Error{Reason: Conflict, Name: o.Keys[0], Err: err}
	}
	defer held.Close()
	for _, there := range []string{filepath.Join(o.Keys[0], stateFile), filepath.Join(o.Dir, filepath.FromSlash(metadataPath(roleRoot, 1)))} {
		if _, err := os.Lstat(there); err == nil {
			return &Error{Reason: Conflict, Name: there, Detail: "there is a catalogue already"}
		}
	}

	expiry = expiry.resolve()
	root := metadata.Root(o.Now().UTC().Add(expiry.Root).Truncate(time.Second))
	var by []signer
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		t := thresholds[role]
		root.Signed.Roles[role].Threshold = max(t.Need, 1)
		for range max(t.Keys, 1) {
			s, err := generate(o.Keys[0], role)
			if err != nil {
				return err
			}
			if err := root.Signed.AddKey(s.public, role); err != nil {
				return err
			}
			if role == roleRoot {
				by = append(by, s)
			}
		}
	}
	data, err := signed(root, by...)
	if err != nil {
		return err
	}
	if _, err := newTrusted(data, o.Now()); err != nil {
		return err
	}
	p := &Publisher{o: o, state: publisherState{Format: listingFormat, Expiry: expiry}}
	if err := p.write(p.keyFile(rootFile), data, 0o644); err != nil {
		return err
	}
	if err := p.write(p.public(metadataPath(roleRoot, 1)), data, 0o644); err != nil {
		return err
	}
	return p.save()
}

// Publisher changes a catalogue. The changes are a draft until [Publisher.Publish]. It
// belongs to one goroutine, and keeps all others out, of any process.
//
// Unless they say otherwise, the errors of its methods are of type [*Error].
type Publisher struct {
	o     PublisherOptions
	held  *filelock.Held
	keys  map[string]signer
	state publisherState
}

// Files in the first key folder.
const (
	stateFile = "publisher.json" // the draft, which is also all that was published
	rootFile  = "root.json"      // the newest root, by which the rest is judged
	staged    = "staged"         // files that are to be published

	maxState = 64 << 20
)

// publisherState is what the publisher knows; nothing of it is read back from the public
// folder, which others may have changed.
type publisherState struct {
	Format      int          `json:"format"`
	Expiry      Expiry       `json:"expiry"`
	Versions    versions     `json:"versions"`
	Changed     bool         `json:"changed"` // since it was published
	Bundles     []published  `json:"bundles"`
	Advisories  []file       `json:"advisories"`
	Revocations []Revocation `json:"revocations"`
}

// versions are those last given out; the next ones are higher.
type versions struct{ Targets, Snapshot, Timestamp int64 }

type published struct {
	Entry Entry       `json:"entry"`
	Text  description `json:"text"`
	File  file        `json:"file"`
}

// file is a target.
type file struct {
	Name   string `json:"name"`
	Length int64  `json:"length"`
	SHA256 []byte `json:"sha256"`
}

func fileOf(name string, data []byte) file {
	sum := sha256.Sum256(data)
	return file{Name: name, Length: int64(len(data)), SHA256: sum[:]}
}

func (f file) meta(custom []byte) *metadata.TargetFiles {
	t := metadata.TargetFile()
	t.Length = f.Length
	t.Hashes["sha256"] = f.SHA256
	t.Path = f.Name
	if custom != nil {
		raw := json.RawMessage(custom)
		t.Custom = &raw
	}
	return t
}

// OpenPublisher takes up a catalogue that Init made. Close it.
func OpenPublisher(o PublisherOptions) (*Publisher, error) {
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	p := &Publisher{o: o}
	if _, err := os.Stat(p.keyFile(stateFile)); err != nil {
		return nil, &Error{Reason: Missing, Name: p.keyFile(stateFile), Detail: "no catalogue was made with these keys; want init first", Err: bare(err)}
	}
	p.held, err = filelock.Try(p.keyFile(lockName))
	if err != nil {
		return nil, &Error{Reason: Conflict, Name: o.Dir, Err: err}
	}
	if err = p.load(); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Publisher) load() error {
	data, err := folder{p.o.Keys[0]}.read(context.Background(), stateFile, maxState)
	if err != nil {
		return err
	}
	// It is in the folder of the private keys: whoever writes it can sign as well.
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&p.state); err != nil {
		return &Error{Reason: Malformed, Name: p.keyFile(stateFile), Err: err}
	}
	if p.state.Format != listingFormat {
		return malformed(p.keyFile(stateFile), "format %d; this version reads %d", p.state.Format, listingFormat)
	}
	p.keys, err = readKeys(p.o.Keys)
	return err
}

// Close lets others in. What was not published stays a draft.
func (p *Publisher) Close() error { return p.held.Close() }

// Changed reports whether there is something to publish.
func (p *Publisher) Changed() bool { return p.state.Changed }

// AddOptions are what a bundle does not say of itself.
type AddOptions struct {
	Publisher string                         // whom to name; may be empty
	Risk      func(capability string) string // none, low, medium or high; nil is high for all
}

// Add adds a version of a mod, or the same one with other attachments. An id and version
// that are there already cannot have other content: versions do not change. A bundle
// that was not packed is; one whose list of contents is wrong is refused.
//
// The error may be a [*manifest.Error] or a [*bundle.Error] too.
func (p *Publisher) Add(b *bundle.Bundle, o AddOptions) (Entry, error) {
	var err error
	if b.Packed() {
		_, err = b.Contents()
	} else {
		b, err = bundle.Pack(b) // nobody could install it otherwise
	}
	if err != nil {
		return Entry{}, err
	}
	e, err := EntryOf(b, o.Risk)
	if err != nil {
		return Entry{}, err
	}
	e.Publisher = o.Publisher
	name, err := bundle.DigestName(e.Digest)
	if err != nil {
		return Entry{}, err
	}
	target := bundlesFolder + name + bundleSuffix
	if err := e.check(target); err != nil {
		return Entry{}, err
	}
	var archive bytes.Buffer
	if err := b.WriteZip(&archive); err != nil {
		return Entry{}, err
	}
	if archive.Len() > DefaultMaxBundle {
		return Entry{}, &Error{Reason: TooBig, Name: e.String(), Detail: fmt.Sprintf("an archive of %d bytes; clients take %d", archive.Len(), DefaultMaxBundle)}
	}
	is := published{
		Entry: e, File: fileOf(target, archive.Bytes()),
		Text: description{ID: e.ID, Name: e.Name, Description: e.Description, Authors: e.Authors, License: e.License},
	}
	e.Size = is.File.Length
	for i, old := range p.state.Bundles {
		switch {
		case old.Entry.ID != e.ID || old.Entry.Version != e.Version:
			continue
		case old.Entry.Digest != e.Digest:
			return Entry{}, &Error{Reason: Conflict, Name: e.String(), Detail: "it is there with other content; give the new one another version"}
		}
		is.Entry.Yanked, e.Yanked = old.Entry.Yanked, old.Entry.Yanked
		p.state.Bundles = slices.Delete(p.state.Bundles, i, i+1)
		break
	}
	if err := p.stage(is.File, archive.Bytes()); err != nil {
		return Entry{}, err
	}
	p.state.Bundles = append(p.state.Bundles, is)
	slices.SortFunc(p.state.Bundles, func(a, b published) int {
		return cmp.Or(strings.Compare(a.Entry.ID, b.Entry.ID), newer(a.Entry, b.Entry))
	})
	return e, p.changed()
}

// Yank takes a version back: nobody chooses it anew. The bundle stays for who has it.
func (p *Publisher) Yank(id, version, reason string) error {
	if err := p.oneLine(reason); err != nil {
		return err
	}
	for i := range p.state.Bundles {
		if e := &p.state.Bundles[i].Entry; e.ID == id && e.Version == version {
			e.Yanked = &Yank{Reason: reason, Date: p.now()}
			return p.changed()
		}
	}
	return &Error{Reason: NotListed, Name: id + " " + version}
}

// Advise adds an advisory in the OSV format, or replaces the one with its id. It has to
// be one that package advisory understands, about mods, with an id that can be the name
// of a file.
func (p *Publisher) Advise(data []byte) (id string, err error) {
	if len(data) > maxAdvisory {
		return "", tooLong("advisory", maxAdvisory)
	}
	osv, err := advisory.Parse("advisory", data)
	if err != nil {
		return "", &Error{Reason: Malformed, Err: err}
	}
	if !advisoryID(osv.ID) {
		return "", malformed("advisory", "the id %s cannot be the name of a file; want letters, digits, dots and dashes, at most 100", quoted(osv.ID))
	}
	f := fileOf(advisoriesFolder+osv.ID+advisorySuffix, data)
	at, found := slices.BinarySearchFunc(p.state.Advisories, f.Name, func(f file, name string) int { return strings.Compare(f.Name, name) })
	if !found && len(p.state.Advisories) == maxAdvisories {
		return "", &Error{Reason: TooBig, Name: f.Name, Detail: fmt.Sprintf("%d advisories are there; clients take no more", maxAdvisories)}
	}
	if err := p.stage(f, data); err != nil {
		return "", err
	}
	if found {
		p.state.Advisories[at] = f
	} else {
		p.state.Advisories = slices.Insert(p.state.Advisories, at, f)
	}
	return osv.ID, p.changed()
}

// Revoke says that the signatures of a key, a minisign key id of 16 hexadecimal digits,
// are worth nothing any more. It cannot be taken back.
func (p *Publisher) Revoke(key, reason string) error {
	key = strings.ToUpper(key)
	if !keyID(key) {
		return &Error{Reason: BadOptions, Name: key, Detail: "want the id of a key: 16 hexadecimal digits"}
	}
	if err := p.oneLine(reason); err != nil {
		return err
	}
	at, found := slices.BinarySearchFunc(p.state.Revocations, key, func(r Revocation, key string) int { return strings.Compare(r.Key, key) })
	if found {
		return &Error{Reason: Conflict, Name: key, Detail: "it is revoked already, since " + p.state.Revocations[at].Date.Format(time.DateOnly)}
	}
	p.state.Revocations = slices.Insert(p.state.Revocations, at, Revocation{Key: key, Date: p.now(), Reason: reason})
	return p.changed()
}

func (p *Publisher) oneLine(reason string) error {
	if reason == "" || len(reason) > maxLine || strings.ContainsAny(reason, "\n\r") {
		return &Error{Reason: BadOptions, Detail: fmt.Sprintf("want a reason, of one line of at most %d bytes", maxLine)}
	}
	return nil
}

func (p *Publisher) now() time.Time { return p.o.Now().UTC().Truncate(time.Second) }

// stage keeps a file until it is published.
func (p *Publisher) stage(f file, data []byte) error {
	if err := os.MkdirAll(p.keyFile(staged), 0o700); err != nil {
		return &Error{Reason: Unreachable, Name: p.keyFile(staged), Err: bare(err)}
	}
	return p.write(p.keyFile(filepath.Join(staged, hexOf(f.SHA256))), data, filePerm)
}

func (p *Publisher) changed() error {
	p.state.Changed = true
	return p.save()
}

func (p *Publisher) save() error {
	data, err := encode(p.state)
	if err != nil {
		return err
	}
	return p.write(p.keyFile(stateFile), data, filePerm)
}

func (p *Publisher) keyFile(name string) string { return filepath.Join(p.o.Keys[0], name) }

func (p *Publisher) public(name string) string {
	return filepath.Join(p.o.Dir, filepath.FromSlash(name))
}

func (p *Publisher) write(path string, data []byte, mode os.FileMode) error {
	err := atomicfile.Write(path, data, mode)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*atomicfile.Error](err); ok {
		return &Error{Reason: Unreachable, Err: e}
	}
	return err
}
