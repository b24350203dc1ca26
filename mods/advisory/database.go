package advisory

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/internal/atomicfile"
)

// Bounds of a database.
const (
	maxFiles = 20_000
	maxTotal = 64 << 20 // bytes
)

// Database is a set of advisories. The zero Database is empty, and so is a nil one. Once
// nothing is added to it any more, several goroutines may use it.
type Database struct {
	byID     map[string]*Advisory
	byMod    map[string][]*Advisory
	unnamed  int // that have no id
	newest   time.Time
	problems []*Error
	bytes    int
	files    int
}

// ReadFolder returns the advisories of a folder; see [Database.AddFolder].
func ReadFolder(root *os.Root) (*Database, error) {
	db := &Database{}
	if err := db.AddFolder(root); err != nil {
		return nil, err
	}
	return db, nil
}

// AddFolder adds the files of a folder whose names end in ".json". Files and folders of
// other names are no advisories. What of them cannot be read or understood is among the
// problems; it does not keep others from being read.
//
// The error is what the system says of the folder itself.
func (db *Database) AddFolder(root *os.Root) error {
	folder, err := root.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	var names []string
	for {
		batch, err := folder.Readdirnames(256)
		for _, name := range batch {
			if strings.HasSuffix(name, ".json") && !atomicfile.Leftover(name) {
				names = append(names, name)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if len(names) > maxFiles {
			db.problem(&Error{File: root.Name(), Reason: fmt.Sprintf("more than %d advisories; the others are not read", maxFiles)})
			break
		}
	}
	slices.Sort(names)
	for _, name := range names[:min(len(names), maxFiles)] {
		data, err := readFile(root, name)
		if err != nil {
			db.problem(&Error{File: name, Reason: "cannot be read", Err: err})
			continue
		}
		db.Add(name, data)
	}
	return nil
}

// readFile reads one byte more than an advisory may have, at most.
func readFile(root *os.Root, name string) ([]byte, error) {
	file, info, err := bundle.OpenIn(root, name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if !info.Mode().IsRegular() {
		return nil, fs.ErrInvalid
	}
	return io.ReadAll(io.LimitReader(file, maxBytes+1))
}

func (db *Database) problem(e *Error) { db.problems = append(db.problems, e) }

// Add adds an advisory. Of two with the same id, the one that was modified later holds,
// and of two that were modified at the same time, both. What is not understood is among
// the problems.
func (db *Database) Add(file string, data []byte) { db.AddFrom("", file, data) }

// AddFrom is [Database.Add] for what somebody else publishes: advisories of one source
// replace and withdraw none of another, whatever their ids are.
func (db *Database) AddFrom(source, file string, data []byte) {
	db.files++
	db.bytes += len(data)
	if db.files > maxFiles || db.bytes > maxTotal {
		db.problem(&Error{File: file, Reason: fmt.Sprintf("more than %d advisories, or more than %d bytes in all", maxFiles, maxTotal)})
		return
	}
	a, err := Parse(file, data)
	if e, ok := errors.AsType[*Error](err); ok {
		db.problem(e)
	}
	if a == nil {
		return
	}
	if db.byID == nil {
		db.byID, db.byMod = map[string]*Advisory{}, map[string][]*Advisory{}
	}
	key := source + "\x00" + a.ID
	if err != nil { // it replaces none, and none replaces it
		db.unnamed++
		key = unnamed(db.unnamed)
	}
	if old := db.byID[key]; old != nil {
		switch {
		case old.Modified.After(a.Modified):
			return
		case old.Modified.Equal(a.Modified):
			db.unnamed++
			key = unnamed(db.unnamed)
		default:
			db.forget(old)
		}
	}
	db.byID[key] = a
	if a.Modified.After(db.newest) {
		db.newest = a.Modified
	}
	for _, mod := range a.mods() {
		db.byMod[mod] = append(db.byMod[mod], a)
	}
}

// unnamed is a key that no source and id have: ids are not empty.
func unnamed(n int) string { return fmt.Sprintf("%d\x00", n) }

// mods returns the ids of the mods that it is about, each once.
func (a *Advisory) mods() []string {
	var ids []string
	for _, affected := range a.Affected {
		ids = append(ids, affected.Mod)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (db *Database) forget(a *Advisory) {
	for _, mod := range a.mods() {
		db.byMod[mod] = slices.DeleteFunc(db.byMod[mod], func(other *Advisory) bool { return other == a })
	}
}

// Match returns the advisories that stand about a version of a mod, the gravest first,
// and each id once.
func (db *Database) Match(mod, version string) []Hit {
	if db == nil {
		return nil
	}
	var hits []Hit
	for _, a := range db.byMod[mod] {
		if hit, concerned := a.match(mod, version); concerned {
			hits = append(hits, hit)
		}
	}
	slices.SortStableFunc(hits, func(a, b Hit) int {
		if a.Severity != b.Severity {
			return slices.Index(Severities(), b.Severity) - slices.Index(Severities(), a.Severity)
		}
		return strings.Compare(a.Advisory.ID, b.Advisory.ID)
	})
	return slices.CompactFunc(hits, func(a, b Hit) bool { return a.Advisory.ID == b.Advisory.ID && a.Unclear == "" && b.Unclear == "" })
}

// Len returns how many advisories there are, those that were withdrawn among them.
func (db *Database) Len() int {
	if db == nil {
		return 0
	}
	return len(db.byID)
}

// Newest returns when the advisory that was modified last was; zero if there is none.
func (db *Database) Newest() time.Time {
	if db == nil {
		return time.Time{}
	}
	return db.newest
}

// Problems returns what was not understood, in the order in which it was added.
func (db *Database) Problems() []*Error {
	if db == nil {
		return nil
	}
	return slices.Clone(db.problems)
}
