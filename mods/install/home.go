package install

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Options of a home. The zero value is the strictest.
type Options struct {
	// Now is the wall clock, time.Now if nil. What it says is recorded, and used to
	// find out whether keys are expired; the order of what happened does not depend on
	// it.
	Now func() time.Time
	// Environment and Interactive are those of [policy.Request].
	Environment string
	Interactive bool
	// API is what the game offers. Nil: the capabilities are unknown, and as risky as
	// can be.
	API *gate.API
	// By is who does what is done: a person. It is recorded. Empty is "unknown".
	By string
	// TrustFile and PolicyFile are read instead of those in the home, if not empty.
	TrustFile, PolicyFile string
	// Rules, if not nil, hold instead of those of any file.
	Rules policy.Rules
	// Wait is how long to wait for another process that changes the home; 0 is
	// [DefaultWait].
	Wait time.Duration

	step func(string) error // tests fail here
}

// DefaultWait is the default of [Options].Wait.
const DefaultWait = 10 * time.Second

// Home is a folder with installed mods, and what was said of them. It may be used by
// several goroutines, and by several processes at a time.
type Home struct {
	path string
	opts Options
}

// Open opens the home at that path. If there is none, it is empty, and the first change
// makes it. If a process was killed in the middle of a change, Open finishes that, or
// does away with it, unless another process is at it, or the folder cannot be written.
//
// The errors: [*FileError], [*DamageError].
func Open(path string, opts Options) (*Home, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.step == nil {
		opts.step = func(string) error { return nil }
	}
	opts.By = cmp.Or(opts.By, "unknown")
	opts.Wait = cmp.Or(opts.Wait, DefaultWait)
	if err := checkText(opts.By, 1, maxBy); err != nil || opts.By == byPolicy {
		return nil, &FileError{Path: path, Err: errBy}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, &FileError{Path: path, Err: err}
	}
	h := &Home{path: path, opts: opts}
	f, err := h.folder(false)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	} else if err != nil {
		return nil, err
	}
	defer f.close()
	j, err := f.readJournal()
	if err != nil || j == nil {
		return h, err
	}
	// Who reads goes on from the journal as well, so it is no matter if this fails.
	if held, err := f.lock(context.Background(), 0); err == nil {
		_ = held.Close()
	}
	return h, nil
}

// byPolicy is who approves what rules allow.
const byPolicy = "policy"

var errBy = errors.New(`the name of who does this is that of a person, of at most 100 printable characters, and not "policy"`)

// Path returns the folder.
func (h *Home) Path() string { return h.path }

// name is what a person calls a file of the home.
func (h *Home) name(name string) string { return filepath.Join(h.path, name) }

// folder opens the folder on the disk.
func (h *Home) folder(make bool) (*folder, error) {
	f, err := openFolder(h.path, make, h.opts.step)
	if err == nil {
		f.now = h.opts.Now
	}
	return f, err
}

// folderIfThere is the folder on the disk, or nil.
func (h *Home) folderIfThere() (*folder, error) {
	f, err := h.folder(false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

// State returns what the home says now. It does not wait for those who change it.
//
// The errors: [*FileError], [*DamageError], [*BusyError].
func (h *Home) State(ctx context.Context) (*State, error) {
	f, err := h.folder(false)
	if errors.Is(err, fs.ErrNotExist) {
		return (&folder{path: h.path, step: h.opts.step}).parseState(nil, nil)
	} else if err != nil {
		return nil, err
	}
	defer f.close()
	return f.readState(ctx)
}

// look has do look at the home as it is now. A change that comes meanwhile may remove a
// bundle that do is about to read: then it looks again.
func (h *Home) look(ctx context.Context, do func(*State) error) error {
	const tries = 50
	for range tries {
		s, err := h.State(ctx)
		if err != nil {
			return err
		}
		if err = do(s); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if now, again := h.State(ctx); again != nil || now.sequence == s.sequence {
			return err
		}
	}
	return &BusyError{Path: h.path}
}

// now returns the time for records.
func (h *Home) now() time.Time { return h.opts.Now().UTC().Round(0) }

// readOperators reads a file that an operator writes: that at path, or else the one of
// the home. Nil: there is none.
func (f *folder) readOperators(path, name string) (file string, data []byte, err error) {
	if path == "" {
		if f == nil {
			return "", nil, nil
		}
		data, err := f.read(name, maxStateFile)
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil, nil
		}
		return f.name(name), data, err
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return path, nil, &FileError{Path: path, Err: bare(err)}
	case !info.Mode().IsRegular():
		return path, nil, &FileError{Path: path, Err: errors.New("not a regular file")}
	case info.Size() > maxStateFile:
		return path, nil, &FileError{Path: path, Err: errTooLarge}
	}
	data, err = os.ReadFile(filepath.Clean(path))
	if err != nil {
		return path, nil, &FileError{Path: path, Err: bare(err)}
	}
	return path, data, nil
}

// Exclusively calls do while nobody else changes the home: for changes of files that are
// the operator's, such as the trust store. If do returns nil, what was done is put on
// record. The folder is made if there is none.
//
// The errors: what do returned; [*BusyError]; [*FileError]; [*DamageError].
func (h *Home) Exclusively(ctx context.Context, what string, do func() error) (err error) {
	f, err := h.folder(true)
	if err != nil {
		return err
	}
	defer f.close()
	held, err := f.lock(ctx, h.opts.Wait)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	log, err := f.openAudit() // what cannot be put on record is not done
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if err := do(); err != nil {
		return err
	}
	return log.Append(audit.Record{Time: h.now(), Kind: "operator", Attrs: []slog.Attr{slog.String("action", what), slog.String("by", h.opts.By)}})
}
