package install

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/trust"
)

// Freezes returns what the operator has stopped. The errors: those of [Home.State], and
// a [*advisory.FreezesError].
func (h *Home) Freezes(ctx context.Context) (*advisory.Freezes, error) {
	s, err := h.State(ctx)
	if err != nil {
		return nil, err
	}
	return advisory.ParseFreezes(h.name(freezesName), s.freezes)
}

// Freeze stops mods, installed or not. Its By and At, if they are not set, are those of
// the home; with the name of one that is there it takes its place.
//
// The errors: a [*advisory.FreezesError]; those of a change, as of [Home.Apply].
func (h *Home) Freeze(ctx context.Context, f advisory.Freeze) error {
	return h.change(ctx, func(t *transaction) error {
		all, err := advisory.ParseFreezes(h.name(freezesName), t.state.freezes)
		if err != nil {
			return err
		}
		if f.By == "" {
			f.By = h.opts.By
		}
		if f.At.IsZero() {
			f.At = t.at.Truncate(time.Second)
		}
		list := slices.DeleteFunc(slices.Clone(all.List), func(x advisory.Freeze) bool { return f.Name != "" && x.Name == f.Name })
		if t.freezes, err = advisory.FormatFreezes(&advisory.Freezes{List: append(list, f)}); err != nil {
			return err
		}
		t.record("freeze", f.ID, f.Versions.Text, f.Digest, "key", f.Key, "reason", f.Reason, "frozen_by", f.By)
		return nil
	})
}

// Thaw ends the freeze of that name. The errors: an [*UnknownError]; those of
// [Home.Freeze].
func (h *Home) Thaw(ctx context.Context, name, note string) error {
	return h.change(ctx, func(t *transaction) error {
		all, err := advisory.ParseFreezes(h.name(freezesName), t.state.freezes)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all.List, func(x advisory.Freeze) bool { return x.Name == name })
		if at < 0 {
			return &UnknownError{name, "the name of a freeze in " + freezesName}
		}
		f := all.List[at]
		if t.freezes, err = advisory.FormatFreezes(&advisory.Freezes{List: slices.Delete(slices.Clone(all.List), at, at+1)}); err != nil {
			return err
		}
		t.record("thaw", f.ID, f.Versions.Text, f.Digest, "key", f.Key, "note", note, "was", f.Reason)
		return nil
	})
}

// Feed is what a catalogue says of mods and keys.
type Feed struct {
	Advisories  []FeedAdvisory
	Revocations []trust.Revocation
	// Other says that it is not the home's own catalogue: the warnings of that stay, word
	// for word.
	Other bool
}

// FeedAdvisory is a published warning, in the OSV format.
type FeedAdvisory struct {
	ID   string
	Data []byte
}

// feedFile is the file feed.json.
type feedFile struct {
	Format      int              `json:"format"`
	Advisories  []feedAdvisory   `json:"advisories"`  // sorted by id
	Revocations []feedRevocation `json:"revocations"` // sorted by key
}

type feedAdvisory struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

type feedRevocation struct {
	Key    string    `json:"key"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

const feedFormat = 1

// parseFeed reads the file; nil is empty. The error is a [*DamageError].
func parseFeed(path string, data []byte) (*feedFile, error) {
	f := &feedFile{Format: feedFormat, Advisories: []feedAdvisory{}, Revocations: []feedRevocation{}}
	if data == nil {
		return f, nil
	}
	wrong := func(field, what string) error { return &DamageError{Path: path, Field: field, What: what} }
	if err := decodeStrict(data, f); err != nil {
		return nil, &DamageError{Path: path, What: "not what a catalogue said: " + err.Error(), Err: err}
	}
	if f.Format != feedFormat {
		return nil, wrong("format", fmt.Sprintf("%d; this program reads %d", f.Format, feedFormat))
	}
	for i, a := range f.Advisories {
		if i > 0 && a.ID <= f.Advisories[i-1].ID {
			return nil, wrong(fmt.Sprintf("advisories[%d].id", i), "want them sorted, each once")
		}
	}
	for i, r := range f.Revocations {
		if err := trust.CheckKeyID(r.Key); err != nil || i > 0 && r.Key <= f.Revocations[i-1].Key {
			return nil, wrong(fmt.Sprintf("revocations[%d].key", i), "want ids of keys, sorted, each once")
		}
	}
	if _, err := (*trust.Store)(nil).Merge(f.revocations()); err != nil {
		return nil, wrong("revocations", err.Error())
	}
	return f, nil
}

func (f *feedFile) revocations() (all []trust.Revocation) {
	for _, r := range f.Revocations {
		all = append(all, trust.Revocation{KeyID: r.Key, At: r.At, Reason: r.Reason})
	}
	return all
}

// TakeFeed takes over what a catalogue says, as one change. Its warnings take the place
// of those that it gave before, unless the feed is of another catalogue. Keys that it
// revoked stay revoked, whatever it says later; of two revocations of one key the
// earlier one holds. If nothing is new, nothing is changed, and the home need not be one
// that can be written.
//
// The errors: a [*DamageError] if it cannot be understood; those of [Home.State]; those
// of a change, as of [Home.Apply].
func (h *Home) TakeFeed(ctx context.Context, feed Feed) error {
	s, err := h.State(ctx)
	if err != nil {
		return err
	}
	if data, _, err := h.merged(s, feed); err != nil || data == nil {
		return err
	}
	return h.change(ctx, func(t *transaction) error {
		data, records, err := h.merged(t.state, feed)
		if err != nil || data == nil {
			return err
		}
		t.feed = data
		for _, r := range records {
			t.record("feed", "", "", "", r...)
		}
		return nil
	})
}

// merged is feed.json with a feed taken over, and what is to be recorded; nil if nothing
// is new.
func (h *Home) merged(s *State, feed Feed) (data []byte, records [][]string, err error) {
	before, err := parseFeed(h.name(feedName), s.feed)
	if err != nil {
		return nil, nil, err
	}
	now := &feedFile{Format: feedFormat, Advisories: []feedAdvisory{}, Revocations: slices.Clone(before.Revocations)}
	if feed.Other {
		now.Advisories = slices.Clone(before.Advisories)
	}
	for _, a := range feed.Advisories {
		// Another catalogue adds warnings, and takes none back by giving it another text.
		if feed.Other && slices.ContainsFunc(before.Advisories, func(x feedAdvisory) bool { return x.ID == a.ID }) {
			continue
		}
		now.Advisories = append(now.Advisories, feedAdvisory{ID: a.ID, Text: string(a.Data)})
	}
	slices.SortFunc(now.Advisories, func(a, b feedAdvisory) int { return strings.Compare(a.ID, b.ID) })
	for _, r := range feed.Revocations {
		r.At = r.At.UTC().Truncate(time.Second)
		at, there := slices.BinarySearchFunc(now.Revocations, r.KeyID, func(x feedRevocation, id string) int { return strings.Compare(x.Key, id) })
		switch {
		case !there:
			now.Revocations = slices.Insert(now.Revocations, at, feedRevocation{Key: r.KeyID, At: r.At, Reason: r.Reason})
			records = append(records, []string{"revoked_key", r.KeyID, "reason", r.Reason})
		case r.At.Before(now.Revocations[at].At):
			now.Revocations[at].At = r.At
		}
	}
	if len(now.Advisories)+len(now.Revocations) == 0 && s.feed == nil {
		return nil, nil, nil
	}
	if data, err = json.Marshal(now); err != nil { // on one line: nobody edits it
		return nil, nil, err
	}
	if string(data) == string(s.feed) {
		return nil, nil, nil
	}
	if len(data) > maxStateFile {
		return nil, nil, &DamageError{Path: h.name(feedName), What: fmt.Sprintf("%d bytes; a feed has at most %d", len(data), maxStateFile)}
	}
	if _, err := parseFeed(h.name(feedName), data); err != nil {
		return nil, nil, err
	}
	return data, append(records, []string{"advisories", strconv.Itoa(len(now.Advisories)), "revocations", strconv.Itoa(len(now.Revocations))}), nil
}
