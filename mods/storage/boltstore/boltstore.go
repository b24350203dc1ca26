// Package boltstore keeps mods' saved values in one file on disk, with
// go.etcd.io/bbolt. It is apart from package storage so that who does not use
// it does not compile it.
package boltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/luasandbox/modrunner/mods/storage"
)

// FileName is the name of the file in the folder that [Open] is given.
const FileName = "storage.db"

// LockTimeout is how long [Open] waits for another process to let go of the
// file.
const LockTimeout = time.Second

// The file has a bucket for each mod, named "mod:" and its id, and the bucket
// "format". A record in a mod's bucket is the checksum of key and value, four
// bytes, and the value: bbolt protects its own structure, not what is in it.
const (
	formatBucket  = "format"
	formatKey     = "modrunner storage"
	formatVersion = "1"
	modPrefix     = "mod:"
	checksumBytes = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Store is a [storage.Store] in a file.
type Store struct {
	path string
	db   *bolt.DB // nil once closed
}

// Open opens the store in a folder, and makes both where they are missing. The
// file belongs to this store until it is closed; another process that wants it
// waits for [LockTimeout] and is then told so ([storage.ErrLocked]).
//
// A file that is damaged is left as it is ([storage.ErrCorrupt]): nothing is
// repaired, and nothing lost that was not lost before. All errors are of type
// [*storage.Error].
func Open(folder string) (storage.Store, error) {
	s := &Store{path: filepath.Join(folder, FileName)}
	if err := s.open(folder); err != nil {
		err = s.explain(err)
		if !errors.Is(err, storage.ErrLocked) && !errors.Is(err, storage.ErrCorrupt) && !fromSystem(err) {
			err = corrupt("%v", err) // bbolt's checks of the file have no types
		}
		return nil, &storage.Error{Op: "open", Path: s.path, Err: err}
	}
	return s, nil
}

// fromSystem reports whether err is the operating system's.
func fromSystem(err error) bool {
	var path *fs.PathError
	var call *os.SyscallError
	var number syscall.Errno
	return errors.As(err, &path) || errors.As(err, &call) || errors.As(err, &number)
}

func (s *Store) open(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		// Opening a pipe would wait for ever.
		return &fs.PathError{Op: "open", Path: s.path, Err: errors.New("not a regular file")}
	case info.Size() > 0:
		if err := s.inspect(); err != nil {
			return err
		}
	}
	return guard(func() error {
		db, err := s.openFile(false)
		if err != nil {
			return err
		}
		if err := db.Update(claim); err != nil {
			return errors.Join(err, db.Close())
		}
		s.db = db
		return nil
	})
}

// openFile opens the file through bbolt. If bbolt panics, the file does not
// stay locked.
func (s *Store) openFile(readOnly bool) (*bolt.DB, error) {
	var file *os.File
	done := false
	defer func() {
		if !done && file != nil {
			_ = file.Close()
		}
	}()
	db, err := bolt.Open(s.path, 0o600, &bolt.Options{
		Timeout:      LockTimeout,
		ReadOnly:     readOnly,
		FreelistType: bolt.FreelistMapType,
		NoStatistics: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			var err error
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	})
	done = true
	return db, err
}

// inspect looks at every page of an existing file before bbolt is asked to
// follow them.
func (s *Store) inspect() error {
	return guard(func() error {
		db, err := s.openFile(true) // holds off writers
		if err != nil {
			return err
		}
		file, err := os.Open(s.path)
		if err == nil {
			err = inspect(file, db.Info().PageSize)
			err = errors.Join(err, file.Close())
		}
		return errors.Join(err, db.Close())
	})
}

// claim marks a new file as this package's, and refuses one that is another's.
func claim(tx *bolt.Tx) error {
	b := tx.Bucket([]byte(formatBucket))
	if b == nil {
		if name, _ := tx.Cursor().First(); name != nil {
			return corrupt("a bbolt file of another program")
		}
		b, err := tx.CreateBucket([]byte(formatBucket))
		if err != nil {
			return err
		}
		return b.Put([]byte(formatKey), []byte(formatVersion))
	}
	if version := b.Get([]byte(formatKey)); string(version) != formatVersion {
		return corrupt("format %q; this program reads format %q", version, formatVersion)
	}
	return nil
}

// Load returns the mod's pairs, each checked against its checksum.
func (s *Store) Load(mod string) (map[string]string, error) {
	if s.db == nil {
		return nil, s.fail("load", mod, storage.ErrClosed)
	}
	pairs := map[string]string{}
	err := guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			b := tx.Bucket([]byte(modPrefix + mod))
			if b == nil {
				return nil
			}
			return b.ForEach(func(key, record []byte) error {
				value, ok := opened(key, record)
				if !ok {
					return corrupt("the value of key %q does not match its checksum", clip(key))
				}
				pairs[string(key)] = string(value)
				return nil
			})
		})
	})
	if err != nil {
		return nil, s.fail("load", mod, err)
	}
	return pairs, nil
}

// Save makes all changes in one transaction, and waits until the disk has
// them.
func (s *Store) Save(changes []storage.Change) error {
	if s.db == nil {
		return s.fail("save", "", storage.ErrClosed)
	}
	err := guard(func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			for _, c := range changes {
				b, err := tx.CreateBucketIfNotExists([]byte(modPrefix + c.Mod))
				if err != nil {
					return err
				}
				if c.Delete {
					err = b.Delete([]byte(c.Key))
				} else {
					err = b.Put([]byte(c.Key), sealed(c.Key, c.Value))
				}
				if err != nil {
					return fmt.Errorf("mod %q, key %q: %w", c.Mod, clip([]byte(c.Key)), err)
				}
			}
			return nil
		})
	})
	if err != nil {
		return s.fail("save", "", err)
	}
	return nil
}

// Close gives the file back. Closing twice is allowed.
func (s *Store) Close() error {
	if s.db == nil {
		return nil
	}
	db := s.db
	s.db = nil
	if err := guard(db.Close); err != nil {
		return s.fail("close", "", err)
	}
	return nil
}

func (s *Store) fail(op, mod string, err error) error {
	return &storage.Error{Op: op, Path: s.path, Mod: mod, Err: s.explain(err)}
}

// explain turns bbolt's errors into those of package storage.
func (s *Store) explain(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%w (waited %v)", storage.ErrLocked, LockTimeout)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch),
		errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrInvalidMapping):
		return corrupt("%v", err)
	}
	return err
}

// guard runs f, in which bbolt reads memory that the file is mapped to: what it
// finds there can make it panic, and a file that was cut short makes the
// processor fault. Both become errors.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = corrupt("%v", p)
		}
	}()
	return f()
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", storage.ErrCorrupt, fmt.Sprintf(format, args...))
}

func checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

func sealed(key, value string) []byte {
	record := make([]byte, checksumBytes, checksumBytes+len(value))
	binary.BigEndian.PutUint32(record, checksum([]byte(key), []byte(value)))
	return append(record, value...)
}

func opened(key, record []byte) (value []byte, ok bool) {
	if len(record) < checksumBytes {
		return nil, false
	}
	value = record[checksumBytes:]
	return value, binary.BigEndian.Uint32(record) == checksum(key, value)
}

// clip shortens a key for a message.
func clip(key []byte) []byte {
	const most = 64
	if len(key) > most {
		return append(bytes.Clone(key[:most]), "..."...)
	}
	return key
}
