package catalog

import (
	"slices"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/manifest"
)

// Bounds on the files of a catalogue, in bytes and numbers.
const (
	maxIndex       = 8 << 20
	maxRevocations = 1 << 20
	maxAdvisory    = 256 << 10
	maxAdvisories  = 4096

	listingFormat = 1
)

// index is what people search: a line of text for each mod.
type index struct {
	Format int           `json:"format"`
	Mods   []description `json:"mods"` // sorted by ID
}

// description is of a mod's newest version.
type description struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Authors     []string `json:"authors,omitempty"`
	License     string   `json:"license,omitempty"`
}

func parseIndex(data []byte) (*index, error) {
	var x index
	if err := decodeStrict(indexTarget, data, maxIndex, &x); err != nil {
		return nil, err
	}
	if x.Format != listingFormat {
		return nil, malformed(indexTarget, "format %d; this version reads %d", x.Format, listingFormat)
	}
	for i, d := range x.Mods {
		if manifest.CheckID(d.ID) != nil || i > 0 && x.Mods[i-1].ID >= d.ID {
			return nil, malformed(indexTarget, "the id %s is no mod's, or out of order", quoted(d.ID))
		}
	}
	return &x, nil
}

func (x *index) of(id string) (description, bool) {
	i, found := slices.BinarySearchFunc(x.Mods, id, func(d description, id string) int { return strings.Compare(d.ID, id) })
	if !found {
		return description{}, false
	}
	return x.Mods[i], true
}

// Revocation is a key whose signatures are worth nothing any more, whoever trusts it.
type Revocation struct {
	Key    string    `json:"key"` // 16 hexadecimal digits, in capitals: a minisign key id
	Date   time.Time `json:"date"`
	Reason string    `json:"reason"`
}

// revocations is the file of them. Nothing is ever taken out of it.
type revocations struct {
	Format int          `json:"format"`
	Keys   []Revocation `json:"keys"` // sorted by Key
}

func parseRevocations(data []byte) (*revocations, error) {
	var r revocations
	if err := decodeStrict(revocationsTarget, data, maxRevocations, &r); err != nil {
		return nil, err
	}
	if r.Format != listingFormat {
		return nil, malformed(revocationsTarget, "format %d; this version reads %d", r.Format, listingFormat)
	}
	for i, k := range r.Keys {
		if !keyID(k.Key) || i > 0 && r.Keys[i-1].Key >= k.Key {
			return nil, malformed(revocationsTarget, "the key %s is none, or out of order; want 16 hexadecimal digits", quoted(k.Key))
		}
		if k.Date.IsZero() || len(k.Reason) > maxLine {
			return nil, malformed(revocationsTarget, "the key %s has no date, or a reason of more than %d bytes", quoted(k.Key), maxLine)
		}
	}
	return &r, nil
}

func keyID(s string) bool { return len(s) == 16 && strings.Trim(s, "0123456789ABCDEF") == "" }

// Advisory is a published warning, in the OSV format, of at most 256 KiB.
type Advisory struct {
	ID   string // also the name of its file, without the .json
	Data []byte // as it was published; package advisory reads it
}
