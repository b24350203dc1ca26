package install

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/internal/filelock"
)

// The names in a home that this package writes.
const (
	lockName      = "home.lock"        // whoever holds it may change the home
	journalName   = "transaction.json" // a change that took effect and is not written to its files yet
	approvalsName = "approvals.json"
	modsLockName  = "mods.lock"
	freezesName   = "freezes.toml"
	feedName      = "feed.json" // what the catalogue says: see TakeFeed
	trustName     = "trust.toml"
	policyName    = "policy.cedar"
	auditName     = "audit.jsonl"
	bundlesDir    = "bundles"
	advisoriesDir = "advisories"
	stagedPrefix  = "staged-" // of bundles that are no part of the state yet
	draftSuffix   = ".new"    // of a file that is being written
)

// stateFiles are the files of which the state of a home consists, in the order in
// which they are written. Approvals, which have the number of the change, are the
// last: see [folder.readState].
var stateFiles = []string{modsLockName, freezesName, feedName, approvalsName}

const (
	maxStateFile = 8 << 20
	maxJournal   = 4 * maxStateFile // texts are escaped in it
	maxBundle    = 64 << 20         // of the archive of a bundle
	maxRecords   = 4096
)

// journal is the commit record of one change. The change is made the moment that the
// journal has its name; what follows from it can be done again and again.
type journal struct {
	Format   int           `json:"format"`
	Sequence uint64        `json:"sequence"` // the number of the change, one more than that before
	Files    []journalFile `json:"files"`    // all of stateFiles that change
	Bundles  []placed      `json:"bundles"`  // that come
	Remove   []string      `json:"remove"`   // digests of bundles that go
	Records  []record      `json:"records"`  // for the audit log
}

type journalFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Text   string `json:"text"`
}

// placed is a bundle that has been written under another name.
type placed struct {
	Digest string `json:"digest"`
	SHA256 string `json:"sha256"` // of the archive
	Staged string `json:"staged"`
}

// record is what the audit log is to be told of.
type record struct {
	Kind    string      `json:"kind"`
	Mod     string      `json:"mod"`
	Version string      `json:"version"`
	Digest  string      `json:"digest"`
	At      time.Time   `json:"at"`
	Attrs   [][2]string `json:"attrs"`
}

const journalFormat = 1

// parseJournal reads a journal. Every error is a [*DamageError].
func parseJournal(path string, data []byte) (*journal, error) {
	j := &journal{}
	wrong := func(field, what string) error { return &DamageError{Path: path, Field: field, What: what} }
	if len(data) > maxJournal {
		return nil, wrong("", errTooLarge.Error())
	}
	if err := decodeStrict(data, j); err != nil {
		return nil, &DamageError{Path: path, What: "not a record of a change: " + err.Error(), Err: err}
	}
	if j.Format != journalFormat {
		return nil, wrong("format", fmt.Sprintf("%d; this program writes %d", j.Format, journalFormat))
	}
	if j.Sequence == 0 || len(j.Records) > maxRecords {
		return nil, wrong("sequence", "want a number from 1")
	}
	last := -1
	for i, f := range j.Files {
		at := slices.Index(stateFiles, f.Name)
		sum := sha256.Sum256([]byte(f.Text))
		switch {
		case at <= last:
			return nil, wrong(fmt.Sprintf("files[%d].name", i), fmt.Sprintf("%q; want %s, each once", f.Name, strings.Join(stateFiles, ", ")))
		case f.SHA256 != hex.EncodeToString(sum[:]):
			return nil, wrong(fmt.Sprintf("files[%d].sha256", i), "the text has another hash")
		}
		last = at
	}
	if last != len(stateFiles)-1 {
		return nil, wrong("files", "want "+approvalsName+" in every change")
	}
	for i, b := range j.Bundles {
		name, err := bundleName(b.Digest)
		switch {
		case err != nil:
			return nil, wrong(fmt.Sprintf("bundles[%d].digest", i), err.Error())
		case b.Staged != stagedName(j.Sequence, name):
			return nil, wrong(fmt.Sprintf("bundles[%d].staged", i), "want "+stagedName(j.Sequence, name))
		case len(b.SHA256) != 2*sha256.Size || strings.Trim(b.SHA256, "0123456789abcdef") != "":
			return nil, wrong(fmt.Sprintf("bundles[%d].sha256", i), "want 64 hexadecimal digits")
		}
	}
	for i, digest := range j.Remove {
		if _, err := bundleName(digest); err != nil {
			return nil, wrong(fmt.Sprintf("remove[%d]", i), err.Error())
		}
	}
	return j, nil
}

// file returns the text of a file of the state, if it changes. Nothing changes in nil.
func (j *journal) file(name string) (text string, changes bool) {
	if j == nil {
		return "", false
	}
	for _, f := range j.Files {
		if f.Name == name {
			return f.Text, true
		}
	}
	return "", false
}

// add adds a file that changes. They come in the order of stateFiles.
func (j *journal) add(name string, text []byte) {
	sum := sha256.Sum256(text)
	j.Files = append(j.Files, journalFile{Name: name, SHA256: hex.EncodeToString(sum[:]), Text: string(text)})
}

// bundleName is the name of a bundle's file in its folder.
func bundleName(digest string) (string, error) {
	name, err := bundle.DigestName(digest)
	if err != nil {
		return "", err
	}
	return name + ".zip", nil
}

// stagedName is the name of a bundle's file before the change that brings it is made.
func stagedName(sequence uint64, name string) string {
	return fmt.Sprintf("%s%d-%s", stagedPrefix, sequence, name)
}

// readJournal returns the change that is made and not finished; nil if there is none.
func (f *folder) readJournal() (*journal, error) {
	data, err := f.read(journalName, maxJournal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return parseJournal(f.name(journalName), data)
}

// replace gives a file a new content, as a whole.
func (f *folder) replace(name string, data []byte) error {
	if err := f.check(name); err != nil {
		return err
	}
	if err := f.put(name+draftSuffix, data); err != nil {
		return err
	}
	return f.move(name+draftSuffix, name)
}

// commit makes a change, of which nothing is to be seen before and everything after.
// archives are the bundles that come, by digest. The lock is held.
//
// An error that is no [*UnfinishedError] means that nothing changed.
func (f *folder) commit(j *journal, archives map[string][]byte) error {
	log, err := f.openAudit() // what cannot be put on record is not done
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // if it was not closed; nothing was written to it then
	if err := f.stage(j, archives); err != nil {
		f.unstage(nil)
		return err
	}
	data, err := encodeStrict(j)
	if err == nil {
		// What could not be read again must not be written.
		_, err = parseJournal(f.name(journalName), data)
	}
	if err != nil {
		f.unstage(nil)
		return err
	}
	if err := f.replace(journalName, data); err != nil {
		if there, readErr := f.readJournal(); readErr == nil && there == nil {
			f.unstage(nil)
			return err
		}
		return &UnfinishedError{f.path, err} // it has its name
	}
	if err := f.finish(j, log); err != nil {
		return &UnfinishedError{f.path, err}
	}
	return nil
}

// stage writes the bundles that come, under names that nobody looks for.
func (f *folder) stage(j *journal, archives map[string][]byte) error {
	if err := f.folderMade(bundlesDir); err != nil {
		return err
	}
	for digest, archive := range archives {
		name, err := bundleName(digest)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(archive)
		staged := stagedName(j.Sequence, name)
		if err := f.put(bundlesDir+"/"+staged, archive); err != nil {
			return err
		}
		j.Bundles = append(j.Bundles, placed{Digest: digest, SHA256: hex.EncodeToString(sum[:]), Staged: staged})
	}
	slices.SortFunc(j.Bundles, func(a, b placed) int { return strings.Compare(a.Digest, b.Digest) })
	if len(j.Bundles) > 0 {
		return f.failed(bundlesDir, f.sync(bundlesDir))
	}
	return nil
}

// unstage removes what a change that was never made has left. The change j, if it is
// not nil, was made.
func (f *folder) unstage(j *journal) {
	names, err := f.names(bundlesDir)
	if err != nil {
		return // they are in nobody's way
	}
	for _, name := range names {
		if strings.HasPrefix(name, stagedPrefix) && !(j != nil && slices.ContainsFunc(j.Bundles, func(b placed) bool { return b.Staged == name })) {
			_ = f.root.Remove(bundlesDir + "/" + name)
		}
	}
}

// finish brings the files of the home to what a change that is made says. It can be
// done twice, and after any part of it was done. The log is closed. The lock is held.
func (f *folder) finish(j *journal, log *audit.Log) error {
	for _, b := range j.Bundles {
		if err := f.place(b); err != nil {
			return err
		}
	}
	for _, file := range j.Files {
		if err := f.replace(file.Name, []byte(file.Text)); err != nil {
			return err
		}
	}
	for _, digest := range j.Remove {
		name, _ := bundleName(digest) // it was checked
		if err := f.remove(bundlesDir + "/" + name); err != nil {
			return err
		}
	}
	if err := f.record(log, j.Sequence, j.Records); err != nil {
		return err
	}
	return f.remove(journalName)
}

// place gives a bundle that was staged its name.
func (f *folder) place(b placed) error {
	name, _ := bundleName(b.Digest) // it was checked
	staged, final := bundlesDir+"/"+b.Staged, bundlesDir+"/"+name
	from := staged
	archive, err := f.read(staged, maxBundle)
	if errors.Is(err, fs.ErrNotExist) {
		from = final
		archive, err = f.read(final, maxBundle)
	}
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(archive); hex.EncodeToString(sum[:]) != b.SHA256 {
		return &DamageError{Path: f.name(from), What: "not the bundle that was being installed; install it again"}
	}
	if from == final {
		return nil
	}
	return f.move(staged, final)
}

// record appends to the audit log, and closes it. A process that is killed meanwhile
// may lead to records that are there twice, with the same number of a change.
func (f *folder) record(log *audit.Log, sequence uint64, records []record) (err error) {
	for _, r := range records {
		attrs := []slog.Attr{slog.Uint64("change", sequence)}
		for _, a := range r.Attrs {
			attrs = append(attrs, slog.String(a[0], a[1]))
		}
		if err = log.Append(audit.Record{Time: r.At, Kind: r.Kind, Mod: r.Mod, Version: r.Version, Digest: r.Digest, Attrs: attrs}); err != nil {
			break
		}
		if err = f.step("audit " + r.Kind); err != nil {
			break
		}
	}
	return errors.Join(err, log.Close())
}

// openAudit opens the audit log of the home, unless links are in the place of its
// files.
func (f *folder) openAudit() (*audit.Log, error) {
	for _, suffix := range []string{"", ".head", ".lock"} {
		if err := f.check(auditName + suffix); err != nil {
			return nil, err
		}
	}
	return audit.Open(f.name(auditName), audit.Options{SyncEvery: -1, Now: f.now})
}

// lock takes the right to change the home, and finishes what another change left. It
// waits for at most so long; then the error is a [*BusyError].
func (f *folder) lock(ctx context.Context, wait time.Duration) (io.Closer, error) {
	if err := f.check(lockName); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wait, &BusyError{Path: f.path, Waited: wait})
	defer cancel()
	held, err := filelock.Lock(ctx, f.name(lockName))
	if err != nil {
		if _, busy := errors.AsType[*BusyError](err); busy || ctx.Err() != nil {
			return nil, err
		}
		return nil, f.failed(lockName, err)
	}
	if err := f.recover(); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return held, nil
}

// recover finishes a change that was made, and removes what one that was not made has
// left. The lock is held.
func (f *folder) recover() error {
	j, err := f.readJournal()
	if err != nil {
		return err
	}
	f.unstage(j)
	if j == nil {
		return nil
	}
	log, err := f.openAudit()
	if err != nil {
		return err
	}
	if err := f.finish(j, log); err != nil {
		_ = log.Close() // if it was not closed
		return err
	}
	return nil
}
