package trust

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/internal/atomicfile"
	"github.com/luasandbox/modrunner/mods/internal/safetoml"
)

// FileName is what the trust store of an installation is called.
const FileName = "trust.toml"

// storeBounds hold the largest store that there can be.
var storeBounds = safetoml.Bounds{Bytes: 16 << 20, Depth: 3, KeyBytes: 32, Entries: MaxKeys*(MaxIDs+10) + MaxRevocations*4 + 10}

// storeFile is a trust store as it is written. Times are any: into a time.Time the
// decoder would put texts too, and dates without a zone with the one of this machine.
type storeFile struct {
	Keys    map[string]keyTable        `toml:"keys"`
	Revoked map[string]revocationTable `toml:"revoked"`
}

type keyTable struct {
	Key         string   `toml:"key"`
	Publisher   string   `toml:"publisher"`
	IDs         []string `toml:"ids"`
	From        any      `toml:"from"`
	Until       any      `toml:"until"`
	Comment     string   `toml:"comment"`
	Predecessor string   `toml:"predecessor"`
	Rotated     any      `toml:"rotated"`
}

type revocationTable struct {
	At     any    `toml:"at"`
	Reason string `toml:"reason"`
}

// Parse reads a trust store. The name of the file is used in errors only.
//
//	[keys.0E96DC7F2C47DCCA]
//	key = "RWTK3Ecsf9yWDrRddDvKqS1FxeowxaVLWJg6EsUPVnfIZgX/LEp97+wP"
//	publisher = "Ada"
//	ids = ["com.ada.*", "weather"]  # or "*", which is every id
//	from = 2026-01-01T00:00:00Z     # not before; may be left out
//	until = 2028-01-01T00:00:00Z    # no more from then on; may be left out
//	comment = "met in Turin"        # may be left out
//	predecessor = "59D3A1B2C4E5F607"  # the key that this one replaces, if it does,
//	rotated = 2026-01-01T00:00:00Z    # and when that was accepted
//
//	[revoked.3B1C5A9D7E2F4860]      # of a key that is above, or not
//	at = 2026-03-01T00:00:00Z
//	reason = "stolen"               # may be left out
//
// Every error is a [*StoreError].
func Parse(file string, data []byte) (*Store, error) {
	var f storeFile
	doc, err := safetoml.Decode(file, data, storeBounds, &f)
	if err != nil {
		return nil, storeError(err)
	}
	s := (*Store)(nil).clone()
	fail := func(path []string, format string, args ...any) (*Store, error) {
		return nil, storeError(doc.Errorf(path, format, args...))
	}
	for _, id := range sortedKeys(f.Keys) {
		at := []string{"keys", id}
		if err := CheckKeyID(id); err != nil {
			return fail(at, "%v", err)
		}
		t := f.Keys[id]
		k := Key{Publisher: t.Publisher, IDs: t.IDs, Comment: t.Comment, Predecessor: t.Predecessor}
		for _, when := range []struct {
			field   string
			written any
			into    *time.Time
		}{{"from", t.From, &k.From}, {"until", t.Until, &k.Until}, {"rotated", t.Rotated, &k.Rotated}} {
			if wrong := exactTime(when.written, when.into); wrong != "" {
				return fail(append(at, when.field), "%s", wrong)
			}
		}
		public, err := ParsePublicKey(t.Key)
		if err != nil {
			return fail(append(at, "key"), "%v", err)
		}
		if public.ID() != id {
			return fail(append(at, "key"), "this is the key %s; want [keys.%s], or another key", public.ID(), public.ID())
		}
		k.Public = public
		if field, wrong := k.wrong(); wrong != "" {
			return fail(append(at, field), "%s", wrong)
		}
		s.keys[id] = k
	}
	for _, id := range sortedKeys(f.Revoked) {
		at := []string{"revoked", id}
		if err := CheckKeyID(id); err != nil {
			return fail(at, "%v", err)
		}
		r := Revocation{KeyID: id, Reason: f.Revoked[id].Reason}
		if wrong := exactTime(f.Revoked[id].At, &r.At); wrong != "" {
			return fail(append(at, "at"), "%s", wrong)
		}
		if field, wrong := r.wrong(); wrong != "" {
			return fail(append(at, field), "%s", wrong)
		}
		s.revoked[id] = r
	}
	if path, wrong := s.wrong(); wrong != "" {
		return fail(path, "%s", wrong)
	}
	return s, nil
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// exactTime brings a time from a file, or nil, into the form that a Store holds, or says
// what is wrong with it. The decoder marks what has no zone by the name of its zone.
func exactTime(written any, into *time.Time) (wrong string) {
	if written == nil {
		return ""
	}
	t, ok := written.(time.Time)
	if !ok || strings.HasSuffix(t.Location().String(), "-local") || t.Nanosecond() != 0 || !stampable(t) {
		return "want a time with a zone, in whole seconds, as 2026-01-31T12:00:00Z"
	}
	*into = seconds(t)
	return ""
}

// storeError brings an error of the reader into the form that this package exports.
func storeError(err error) error {
	e, ok := errors.AsType[*safetoml.Error](err)
	if !ok {
		return &StoreError{Message: err.Error()}
	}
	return &StoreError{File: e.File, Line: e.Line, Column: e.Column, Field: e.Key, Message: e.Message}
}

// ReadFile reads the trust store at path. The error is a [*StoreError], or that of the
// system: [fs.ErrNotExist] if there is no such file.
func ReadFile(path string) (*Store, error) {
	info, err := os.Stat(path) // to open a pipe waits for who writes to it
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, int64(storeBounds.Bytes)+1))
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// WriteFile replaces the file at path by the trust store, as [Store.Format] writes it:
// whoever reads it, now or after a crash, finds the old one or the new one, whole. Who
// reads, changes and writes it must keep others from doing so at the same time.
func (s *Store) WriteFile(path string) error {
	return atomicfile.Write(path, s.Format(), 0o644)
}

// Format writes the store as [Parse] reads it: one text for one store. Comments that
// were in a file are lost; what a key is for goes into the field comment.
func (s *Store) Format() []byte {
	var out bytes.Buffer
	out.WriteString("# Whom this installation trusts with what. modrunner key writes this file: lines\n# that begin with # are lost when it does; what is to stay goes into comment = \"...\".\n")
	text := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&out, "%s = %s\n", name, tomlString(value))
		}
	}
	date := func(name string, t time.Time) {
		if !t.IsZero() {
			fmt.Fprintf(&out, "%s = %s\n", name, stamp(t))
		}
	}
	for _, k := range s.Keys() {
		fmt.Fprintf(&out, "\n[keys.%s]\n", k.ID())
		text("key", k.Public.String())
		text("publisher", k.Publisher)
		ids := make([]string, len(k.IDs))
		for i, id := range k.IDs {
			ids[i] = tomlString(id)
		}
		fmt.Fprintf(&out, "ids = [%s]\n", strings.Join(ids, ", "))
		date("from", k.From)
		date("until", k.Until)
		text("comment", k.Comment)
		text("predecessor", k.Predecessor)
		date("rotated", k.Rotated)
	}
	for _, r := range s.Revocations() {
		fmt.Fprintf(&out, "\n[revoked.%s]\n", r.KeyID)
		date("at", r.At)
		text("reason", r.Reason)
	}
	return out.Bytes()
}

// tomlString writes a text of printable characters.
func tomlString(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
