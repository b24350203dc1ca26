package catalog

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/internal/atomicfile"
)

// The cache holds, beside what was fetched:
//
//	metadata/N.root.json     each root after the first one, as soon as it was verified
//	metadata/timestamp.json  the newest timestamp that was verified
//	metadata/last.json       the last catalogue that was verified as a whole
//	targets/HASH             its index, revocations and advisories
//	lock                     of who refreshes
//
// Each is replaced atomically; what is read back is verified again, from the first root
// on.
const (
	lockName  = "lock"
	lastName  = metadataFolder + "/last.json"
	stampName = metadataFolder + "/timestamp.json"
	filePerm  = 0o600
	maxLast   = 2 * (maxTimestamp + maxSnapshot + maxTargets)
)

// lastGood is a catalogue as it was verified.
type lastGood struct {
	Format    int       `json:"format"`
	Refreshed time.Time `json:"refreshed"` // by the clock of this machine
	Timestamp []byte    `json:"timestamp"`
	Snapshot  []byte    `json:"snapshot"`
	Targets   []byte    `json:"targets"`
}

// remembered is the disk part of a client.
type remembered struct{ folder }

// last returns the last good catalogue, or nil.
func (r remembered) last(ctx context.Context) (*lastGood, error) {
	data, err := r.read(ctx, lastName, maxLast)
	if errors.Is(err, missing) || errors.Is(err, fs.ErrNotExist) { // the file, or the cache
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var l lastGood
	if err := decodeStrict(r.at(lastName), data, maxLast, &l); err != nil {
		return nil, err
	}
	if l.Format != listingFormat {
		return nil, malformed(r.at(lastName), "format %d; this version reads %d", l.Format, listingFormat)
	}
	return &l, nil
}

var missing error = &Error{Reason: Missing}

// stamp returns the newest timestamp, or nil.
func (r remembered) stamp(ctx context.Context) ([]byte, error) {
	data, err := r.read(ctx, stampName, maxTimestamp)
	if errors.Is(err, missing) {
		return nil, nil
	}
	return data, err
}

// roots takes t from its first root to the newest that was seen. A cache in which the
// first root does not lead there belongs to another catalogue.
func (r remembered) roots(ctx context.Context, t *trusted, first []byte) error {
	other := func(name string, err error) error {
		return &Error{Reason: OtherRoot, Name: r.at(name), Detail: "the first root does not lead to it; use another cache, or the first root of this one", Err: err}
	}
	name := metadataPath(roleRoot, t.rootVersion())
	same, err := r.read(ctx, name, maxRoot)
	switch {
	case err == nil && string(same) != string(first):
		return other(name, nil)
	case err != nil && !errors.Is(err, missing):
		return err
	}
	for {
		name := metadataPath(roleRoot, t.rootVersion()+1)
		data, err := r.read(ctx, name, maxRoot)
		if errors.Is(err, missing) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.addRoot(data); err != nil {
			return other(name, err)
		}
	}
}

// target returns a file of the last good catalogue.
func (r remembered) target(ctx context.Context, t target) ([]byte, error) {
	data, err := r.read(ctx, targetsFolder+"/"+hexOf(t.sum[:]), t.length)
	if err != nil {
		return nil, err
	}
	return data, t.check(data)
}

func (r remembered) writeTarget(t target, data []byte) error {
	return r.write(targetsFolder+"/"+hexOf(t.sum[:]), data)
}

func (r remembered) write(name string, data []byte) error {
	if err := atomicfile.Write(r.at(name), data, filePerm); err != nil {
		return &Error{Reason: Unreachable, Err: err}
	}
	return nil
}

// forget removes the files that are not among those, and what a crash left behind. It
// is a matter of room only, so nobody hears of what goes wrong.
func (r remembered) forget(keep map[string]target) {
	wanted := map[string]bool{}
	for _, t := range keep {
		wanted[hexOf(t.sum[:])] = true
	}
	for _, sub := range []string{metadataFolder, targetsFolder} {
		entries, _ := os.ReadDir(r.at(sub))
		for _, e := range entries {
			name := e.Name()
			if atomicfile.Leftover(name) || sub == targetsFolder && lowerHex(name, 64) && !wanted[name] {
				_ = os.Remove(filepath.Join(r.at(sub), name))
			}
		}
	}
}

// at is the path of a file of the cache.
func (r remembered) at(name string) string {
	return filepath.Join(r.path, filepath.FromSlash(strings.TrimPrefix(name, "/")))
}
