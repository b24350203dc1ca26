package install

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/lockfile"
)

// State is what a home says at one moment: all of it as one change left it. It is
// immutable, and may be used by several goroutines.
type State struct {
	sequence  uint64
	approvals *Approvals
	lock      []byte // mods.lock
	mods      []lockfile.Mod
	freezes   []byte            // freezes.toml
	feed      []byte            // feed.json
	arriving  map[string]placed // bundles whose file may have another name yet, by digest
	leaving   []string          // digests of bundles whose file may be there yet
	folder    *folder           // may be closed
}

// Sequence is the number of the last change of the home; 0 if there was none.
func (s *State) Sequence() uint64 { return s.sequence }

// Approvals returns what was said of which bundle. It belongs to the state.
func (s *State) Approvals() *Approvals { return s.approvals }

// readState returns the state of the home, never a mixture of two: without the lock,
// and while others change it.
//
// A change is there as a whole when its journal has its name: as long as it has, it is
// what counts. If there was none before and none after the files were read, and the
// approvals are the same before and after, then no change was written to the files
// meanwhile: the approvals, which have its number, are the last file of a change, and
// its journal goes after them.
func (f *folder) readState(ctx context.Context) (*State, error) {
	const tries, pause = 200, 5 * time.Millisecond
	for range tries {
		s, err := f.tryState()
		if s != nil || err != nil {
			return s, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return nil, &BusyError{Path: f.path, Waited: tries * pause}
}

// tryState returns nil if there was a change meanwhile.
func (f *folder) tryState() (*State, error) {
	j, err := f.readJournal()
	if err != nil {
		return nil, err
	}
	approvals, err := f.readFile(approvalsName)
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	for _, name := range stateFiles {
		if text, changes := j.file(name); changes {
			texts[name] = []byte(text)
		} else if texts[name], err = f.readFile(name); err != nil {
			return nil, err
		}
	}
	if err := f.step("read again"); err != nil {
		return nil, err
	}
	if j == nil {
		now, err := f.readJournal()
		if err != nil {
			return nil, err
		}
		again, err := f.readFile(approvalsName)
		if err != nil {
			return nil, err
		}
		if now != nil || !bytes.Equal(approvals, again) || !bytes.Equal(approvals, texts[approvalsName]) {
			return nil, nil
		}
	} else if now, err := f.readJournal(); err != nil {
		return nil, err
	} else if now == nil || now.Sequence != j.Sequence {
		// Files that this change left alone may be of a later one.
		return nil, nil
	}
	return f.parseState(j, texts)
}

func (f *folder) parseState(j *journal, texts map[string][]byte) (*State, error) {
	s := &State{approvals: &Approvals{Format: approvalsFormat, History: []Entry{}, Waiting: []Waiting{}}, folder: f,
		lock: texts[modsLockName], freezes: texts[freezesName], feed: texts[feedName], arriving: map[string]placed{}}
	var err error
	if text := texts[approvalsName]; text != nil {
		if s.approvals, err = ParseApprovals(f.name(approvalsName), text); err != nil {
			return nil, err
		}
	}
	if text := texts[modsLockName]; text != nil {
		if s.mods, err = parseLock(f.name(modsLockName), text); err != nil {
			return nil, err
		}
	}
	s.sequence = s.approvals.Sequence
	if j != nil {
		if s.sequence != j.Sequence {
			return nil, &DamageError{Path: f.name(journalName), Field: "sequence", What: "not that of the approvals in it"}
		}
		for _, b := range j.Bundles {
			s.arriving[b.Digest] = b
		}
		s.leaving = j.Remove
	}
	return s, nil
}

// readFile returns a file of the state; nil if it is not there.
func (f *folder) readFile(name string) ([]byte, error) {
	if err := f.step("read " + name); err != nil {
		return nil, err
	}
	data, err := f.read(name, maxStateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if data == nil && err == nil {
		data = []byte{}
	}
	return data, err
}

// Bundle reads a bundle of the home, and checks that it is the one with that digest.
// The errors: [*FileError], with [fs.ErrNotExist] if it is not there, [*DamageError].
func (s *State) Bundle(digest string) (*bundle.Bundle, error) {
	_, b, err := s.archive(digest)
	return b, err
}

// archive is Bundle, and returns the bytes of the file too.
func (s *State) archive(digest string) ([]byte, *bundle.Bundle, error) {
	name, err := bundleName(digest)
	if err != nil {
		return nil, nil, err
	}
	path := bundlesDir + "/" + name
	f, err := openFolder(s.folder.path, false, s.folder.step)
	if err != nil || slices.Contains(s.leaving, digest) {
		return nil, nil, &FileError{Path: s.folder.name(path), Err: cmp.Or(err, fs.ErrNotExist)}
	}
	defer f.close()
	data, err := []byte(nil), error(fs.ErrNotExist)
	if b, there := s.arriving[digest]; there {
		data, err = f.read(bundlesDir+"/"+b.Staged, maxBundle)
		if err == nil {
			if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != b.SHA256 {
				return nil, nil, &DamageError{Path: s.folder.name(path), What: "not the bundle that was being installed; install it again"}
			}
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		data, err = f.read(path, maxBundle)
	}
	if err != nil {
		return nil, nil, err
	}
	b, err := bundle.OpenZip(bytes.NewReader(data), int64(len(data)), bundle.Limits{})
	if err != nil {
		return nil, nil, &DamageError{Path: s.folder.name(path), What: "not a bundle: " + err.Error() + "; install it again", Err: err}
	}
	if b.Digest() != digest {
		return nil, nil, &DamageError{Path: s.folder.name(path), Field: "digest", What: b.Digest() + "; want " + digest + ": it was changed on the disk; install it again"}
	}
	return data, b, nil
}

// Bundles returns the digests of the bundles that the state refers to, sorted.
func (s *State) Bundles() []string {
	var all []string
	for _, m := range s.mods {
		all = append(all, m.Digest)
		for _, l := range m.Libraries {
			all = append(all, l.Digest)
		}
	}
	for _, w := range s.approvals.Waiting {
		all = append(all, w.Digest)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// origin says where a bundle of the state came from.
func (s *State) origin(digest string) string {
	for _, m := range s.mods {
		if m.Digest == digest {
			return origin(m.Source)
		}
		for _, l := range m.Libraries {
			if l.Digest == digest {
				return origin(l.Source)
			}
		}
	}
	for _, w := range s.approvals.Waiting {
		if w.Digest == digest {
			return w.From
		}
	}
	return fromFile
}

// installed returns what mods.lock says.
func (s *State) installed() []lockfile.Mod { return s.mods }

// lockText returns the text of mods.lock.
func (s *State) lockText() []byte { return s.lock }
