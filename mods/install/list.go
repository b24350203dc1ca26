package install

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/lockfile"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Listed is a bundle of a home, for who wants to see what is there.
type Listed struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	// State is "installed"; "blocked", if it is and may not run as things are now;
	// "waiting"; "denied"; or "revoked".
	State     string           `json:"state"`
	Library   bool             `json:"library"`
	Asked     bool             `json:"asked"`
	Publisher string           `json:"publisher"`
	Signature policy.Signature `json:"signature"`
	Risk      int              `json:"risk"`
	Granted   []string         `json:"granted"`
	// ApprovedBy and ApprovedAt are of the last word on it, whatever that is; empty and
	// nil if there is none.
	ApprovedBy string     `json:"approved_by"`
	ApprovedAt *time.Time `json:"approved_at"`
	Reasons    []string   `json:"reasons"` // why it is not installed, or may not run
	Advisories []string   `json:"advisories"`
}

// List tells what is in the home, as it is judged now, sorted by id.
//
// The errors: those of [Home.State], and of the files of the operator; [*DamageError]
// and [*FileError] for bundles.
func (h *Home) List(ctx context.Context) (all []Listed, err error) {
	err = h.look(ctx, func(s *State) error {
		all, err = h.list(s)
		return err
	})
	return all, err
}

func (h *Home) list(s *State) ([]Listed, error) {
	j, err := h.judge(s)
	if err != nil {
		return nil, err
	}
	out := []Listed{}
	add := func(digest string, installed, asked bool, w *Waiting) error {
		one, err := j.listed(digest, installed, w)
		one.Asked = asked
		if !slices.ContainsFunc(out, func(l Listed) bool { return l.Digest == digest }) {
			out = append(out, one)
		}
		return err
	}
	for _, m := range s.mods {
		for _, l := range append([]lockfile.Library{{Digest: m.Digest}}, m.Libraries...) {
			if err := add(l.Digest, true, m.Asked && l.Digest == m.Digest, nil); err != nil {
				return nil, err
			}
		}
	}
	for i := range s.approvals.Waiting {
		w := &s.approvals.Waiting[i]
		if err := add(w.Digest, false, w.Requested, w); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b Listed) int {
		if c := strings.Compare(a.ID, b.ID); c != 0 {
			return c
		}
		return strings.Compare(a.Version, b.Version)
	})
	return out, nil
}

// listed tells of one bundle.
func (j *judge) listed(digest string, installed bool, w *Waiting) (Listed, error) {
	b, err := j.state.Bundle(digest)
	if err != nil {
		return Listed{}, err
	}
	man, err := manifest.Parse(digest, b.Manifest())
	if err != nil {
		return Listed{}, err
	}
	v, err := j.judge(b, man.ID, nil)
	if err != nil {
		return Listed{}, err
	}
	out := Listed{ID: man.ID, Version: man.Version.String(), Digest: digest, Library: man.Library, Publisher: v.review.Publisher,
		Signature: v.review.Signature, Risk: v.review.Risk().Score, Granted: []string{}, Reasons: []string{}, Advisories: []string{}}
	for _, a := range v.review.Advisories {
		out.Advisories = append(out.Advisories, a.ID)
	}
	last := j.state.approvals.Last(digest)
	if last != nil {
		at := last.At
		out.ApprovedBy, out.ApprovedAt = last.By, &at
		for _, g := range last.Grants {
			out.Granted = append(out.Granted, g.Capability)
		}
	}
	switch {
	case last != nil && last.Verdict == policy.Denied:
		out.State = "denied"
	case last != nil && last.Verdict == policy.Withdrawn:
		out.State = "revoked"
	case !installed:
		out.State, out.Reasons = "waiting", append(out.Reasons, w.Reasons...)
	case !v.decision.Runs():
		out.State, out.Reasons = "blocked", append(out.Reasons, v.decision.Reasons...)
	default:
		out.State = "installed"
	}
	if (out.State == "denied" || out.State == "revoked") && last.Note != "" {
		out.Reasons = append(out.Reasons, last.Note)
	}
	return out, nil
}
