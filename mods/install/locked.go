package install

import (
	"context"
	"fmt"
	"slices"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/lockfile"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/resolution"
	"github.com/luasandbox/modrunner/mods/review"
)

// LockedMod is an installed mod, with its bytes, which were verified.
type LockedMod struct {
	ID, Version, Digest string
	Bundle              *bundle.Bundle
	Libraries           []*bundle.Bundle // that are copied into it, sorted by id
	Grants              []policy.Grant   // all that it may have
}

// DriftError is an installed mod that is not as it was locked.
type DriftError struct {
	ID   string
	What string // what is different
}

// Error says what is different.
func (e *DriftError) Error() string {
	return fmt.Sprintf("%s is not as it was locked: %s", e.ID, e.What)
}

// Locked returns the installed mods, in the order in which they are loaded: those of
// mods.lock, no others, to the byte and in the versions that it has, signed by whom it
// says, and approved with the grants that it has.
//
// The errors: [*DriftError]; [*FileError]; [*DamageError]; those of [Home.State], and of
// the files of the operator.
func (h *Home) Locked(ctx context.Context) (all []LockedMod, err error) {
	err = h.look(ctx, func(s *State) error {
		all, err = h.locked(s)
		return err
	})
	return all, err
}

func (h *Home) locked(s *State) ([]LockedMod, error) {
	j, err := h.judge(s)
	if err != nil {
		return nil, err
	}
	var out []LockedMod
	for _, m := range s.mods {
		one := LockedMod{ID: m.ID, Version: m.Version, Digest: m.Digest, Grants: m.Grants}
		itself := lockfile.Library{ID: m.ID, Version: m.Version, Digest: m.Digest, Publisher: m.Publisher, Keys: m.Keys}
		for _, part := range append([]lockfile.Library{itself}, m.Libraries...) {
			b, err := j.unchanged(part)
			if err != nil {
				return nil, err
			}
			if part.Digest == m.Digest {
				one.Bundle = b
			} else {
				one.Libraries = append(one.Libraries, b)
			}
		}
		said := s.approvals.Last(m.Digest)
		switch {
		case said.Limits != m.Limits:
			return nil, &DriftError{m.ID, "other limits were approved than it was locked with"}
		case !sameGrants(said.Grants, m.Grants):
			return nil, &DriftError{m.ID, "other capabilities were approved than it was locked with"}
		}
		out = append(out, one)
	}
	return out, nil
}

// unchanged reads a bundle that is locked.
func (j *judge) unchanged(part lockfile.Library) (*bundle.Bundle, error) {
	b, err := j.state.Bundle(part.Digest)
	if err != nil {
		return nil, err
	}
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		return nil, err
	}
	signed := j.facts.Trust.Verify(b, j.facts.At)
	said := j.state.approvals.Last(part.Digest)
	switch {
	case man.ID != part.ID || man.Version.String() != part.Version:
		return nil, &DriftError{part.ID, fmt.Sprintf("its digest is that of %s %s; it was locked as version %s", man.ID, man.Version, part.Version)}
	case said == nil:
		return nil, &DriftError{part.ID, "nobody has approved it"}
	case said.Verdict != policy.Approved:
		return nil, &DriftError{part.ID, fmt.Sprintf("it was %s by %s", said.Verdict, said.By)}
	case signed.Publisher != part.Publisher || !slices.Equal(signed.Keys, part.Keys):
		what := fmt.Sprintf("its signature by %q does not count any more", part.Publisher)
		if signed.Err != nil {
			what += ": " + signed.Err.Error()
		} else if part.Publisher == "" {
			what = fmt.Sprintf("it is signed by %q now", signed.Publisher)
		}
		return nil, &DriftError{part.ID, what}
	}
	return b, nil
}

func sameGrants(a, b []policy.Grant) bool {
	return slices.EqualFunc(a, b, func(x, y policy.Grant) bool {
		return x.Capability == y.Capability && policy.SameOptions(x.Options, y.Options)
	})
}

// Gatekeeper decides about mods by what a home says, for a host (mods.Gatekeeper).
type Gatekeeper struct{ judge *judge }

// Gatekeeper returns one for the home as it is now: with the operator's trust store and
// policy, and what was approved. It may be used by several goroutines. To take note of
// what changes later, make another one.
//
// The errors: those of [Home.State], and of the files of the operator.
func (h *Home) Gatekeeper(ctx context.Context) (*Gatekeeper, error) {
	s, err := h.State(ctx)
	if err != nil {
		return nil, err
	}
	j, err := h.judge(s)
	if err != nil {
		return nil, err
	}
	return &Gatekeeper{j}, nil
}

// Decide reviews a bundle and decides what becomes of it. The error is a
// [*manifest.Error].
func (g *Gatekeeper) Decide(b *bundle.Bundle) (policy.Decision, error) {
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		return policy.Decision{Effect: policy.Deny}, err
	}
	v, err := g.judge.judge(b, man.ID, nil)
	if err != nil {
		return policy.Decision{Effect: policy.Deny}, err
	}
	if v.follows { // it would be installed without asking; it is not installed yet
		return decide(v.review.Request(g.judge.environment, g.judge.interactive), g.judge.rules, nil), nil
	}
	return v.decision, nil
}

// Approval returns the last word on a digest; nil if there is none.
func (s *State) Approval(digest string) *policy.Approval {
	if e := s.approvals.Last(digest); e != nil {
		return &e.Approval
	}
	return nil
}

// Outdated is an installed mod of which there is a newer version.
type Outdated struct {
	ID        string `json:"id"`
	Installed string `json:"installed"`
	Allowed   string `json:"allowed"` // what an update of all mods would lead to
	Newest    string `json:"newest"`  // that is not a prerelease, nor withdrawn
	Range     string `json:"range"`   // in which updates are looked for; empty if others need the mod
}

// Outdated compares the installed mods with a catalogue. It changes nothing, and
// fetches no bundle.
//
// The errors: those of [Home.State], [resolution.Resolve] and the catalogue.
func (h *Home) Outdated(ctx context.Context, catalog Catalog) (all []Outdated, err error) {
	err = h.look(ctx, func(s *State) error {
		all, err = h.outdated(ctx, s, catalog)
		return err
	})
	return all, err
}

func (h *Home) outdated(ctx context.Context, s *State, catalog Catalog) ([]Outdated, error) {
	sh, err := newShelf(ctx, s, nil, catalog, func(Waiting) bool { return false })
	if err != nil {
		return nil, err
	}
	p := &Plan{request: Request{UpdateAll: true}, judge: &judge{state: s, facts: review.Input{API: h.opts.API}}, ranges: map[string]string{}}
	search, err := p.search()
	if err != nil {
		return nil, err
	}
	chosen, err := resolution.Resolve(search, sh)
	if err != nil {
		return nil, err
	}
	out := []Outdated{}
	for _, m := range s.mods {
		o := Outdated{ID: m.ID, Installed: m.Version, Allowed: m.Version, Newest: m.Version, Range: m.Range}
		if c, stays := chosen.Mod(m.ID); stays {
			o.Allowed = c.Version
		}
		versions, err := sh.Versions(m.ID)
		if err != nil {
			return nil, err
		}
		newest, err := semver.StrictNewVersion(m.Version)
		if err != nil {
			return nil, &DamageError{Path: modsLockName, Field: m.ID, What: err.Error(), Err: err}
		}
		for _, c := range versions {
			if !c.Yanked && c.Version.Prerelease() == "" && c.Version.GreaterThan(newest) {
				newest = c.Version
			}
		}
		o.Newest = newest.String()
		if o.Allowed != o.Installed || o.Newest != o.Installed {
			out = append(out, o)
		}
	}
	return out, nil
}
