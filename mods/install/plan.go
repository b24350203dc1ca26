package install

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/lockfile"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/resolution"
	"github.com/luasandbox/modrunner/mods/review"
)

// Request is what somebody wants of a home.
type Request struct {
	// Sources are bundles to be installed, with what they need from each other. A library
	// among them is there for those that need it.
	Sources []Source
	// Wants are mods to be installed from the catalogue, or from those that wait.
	Wants []manifest.Requirement
	// Update names installed mods of which the newest version is wanted that their
	// ranges have.
	Update    []string
	UpdateAll bool
	// Remove names mods that are not wanted any more.
	Remove []string
	// AllowDowngrade lets an installed mod be replaced by an older version.
	AllowDowngrade bool
	// Catalog may be nil.
	Catalog Catalog

	keep map[string]string // the ranges of Sources that waited, by id
}

// Plan is what would become of a home. Nothing is changed by making one.
type Plan struct {
	// Items are the bundles that come, each after those that it needs.
	Items []*Item
	// Gone are the ids of installed mods that go.
	Gone []string
	// Same is how many installed mods stay as they are.
	Same int
	// Problems are published warnings that could not be understood.
	Problems []*advisory.Error

	request Request
	judge   *judge
	shelf   *shelf
	result  *resolution.Result
	digests map[string]string // of what was chosen, by id and version
	ranges  map[string]string // of the mods that are wanted
}

// Item is a bundle that comes, and what was decided about it.
type Item struct {
	Review   *review.Review
	Decision policy.Decision
	From     string // "file" or "catalog"; of what waited, where it came from first
	Asked    bool   // it was asked for, rather than needed by another
	NeededBy []string
	// Installed is the version that it takes the place of; empty if there is none.
	Installed string
	// Resigned says that these bytes are installed, and that only the signatures are
	// other ones: the archive takes the place of that in the home.
	Resigned bool
	// Before is the approval of another version with which it is compared; nil if there
	// is none.
	Before *Entry
	// Follows says that it may run because it asks for no more than Before.
	Follows bool

	bundle *bundle.Bundle
	needs  []string // ids
	last   *Entry
}

// DowngradeError is a version that is older than the installed one.
type DowngradeError struct{ ID, Installed, Version string }

// Error says what would allow it.
func (e *DowngradeError) Error() string {
	return fmt.Sprintf("%s %s is installed, and %s is older", e.ID, e.Installed, e.Version)
}

// NotInstalledError is a mod that is not there.
type NotInstalledError struct{ ID string }

// Error names the mod.
func (e *NotInstalledError) Error() string { return fmt.Sprintf("%s is not installed", e.ID) }

// NeededError is a mod that cannot be removed, because another one needs it.
type NeededError struct {
	ID string
	By []string
}

// Error says who needs it.
func (e *NeededError) Error() string {
	return fmt.Sprintf("%s is needed by %s", e.ID, strings.Join(e.By, ", "))
}

// ErrNothing is a request for nothing.
var ErrNothing = errors.New("nothing was asked for")

// Plan finds out what a request would lead to: which versions are chosen, what is known
// of them, and what the policy says. It fetches from the catalogue what is not here.
//
// The errors: those of [Home.State], [resolution.Resolve] and the catalogue;
// [*SourceError], [*DowngradeError], [*NotInstalledError], [*NeededError]; those of the
// trust store's, the policy's and other files of the operator; [ErrNothing].
func (h *Home) Plan(ctx context.Context, r Request) (*Plan, error) {
	if len(r.Sources)+len(r.Wants)+len(r.Update)+len(r.Remove) == 0 && !r.UpdateAll {
		return nil, ErrNothing
	}
	var p *Plan
	err := h.look(ctx, func(s *State) error {
		j, err := h.judge(s)
		if err != nil {
			return err
		}
		p, err = j.plan(ctx, r, nil)
		return err
	})
	return p, err
}

// plan makes a plan. What was fetched for one before is not fetched again.
func (j *judge) plan(ctx context.Context, r Request, before *shelf) (*Plan, error) {
	sh, err := newShelf(ctx, j.state, r.Sources, r.Catalog, j.state.approvals.mayCome)
	if err != nil {
		return nil, err
	}
	if before != nil {
		sh.fetched = before.fetched
	}
	return j.planFrom(r, sh)
}

func (j *judge) planFrom(r Request, sh *shelf) (*Plan, error) {
	p := &Plan{Problems: j.facts.Advisories.Problems(), request: r, judge: j, shelf: sh, digests: map[string]string{}, ranges: map[string]string{}}
	search, err := p.search()
	if err != nil {
		return nil, err
	}
	if p.result, err = resolution.Resolve(search, sh); err != nil {
		return nil, err
	}
	installed := j.state.installed()
	for _, m := range installed {
		if _, stays := p.result.Mod(m.ID); !stays {
			p.Gone = append(p.Gone, m.ID)
		}
	}
	for _, id := range r.Remove {
		if by := p.needing(id); len(by) > 0 {
			return nil, &NeededError{id, by}
		}
	}
	return p, p.judgeAll()
}

// search says what is to be resolved.
func (p *Plan) search() (resolution.Request, error) {
	s, r := p.judge.state, p.request
	out := resolution.Request{Locked: map[string]resolution.Locked{}, Update: slices.Clone(r.Update), UpdateAll: r.UpdateAll}
	roots := map[string]manifest.Range{}
	for _, m := range s.installed() {
		out.Locked[m.ID] = resolution.Locked{Version: m.Version, Libraries: libraryVersions(m)}
		if m.Asked {
			at, err := manifest.ParseRange(m.Range)
			if err != nil {
				return out, &DamageError{Path: modsLockName, Field: m.ID, What: err.Error(), Err: err}
			}
			roots[m.ID], p.ranges[m.ID] = at, m.Range
		}
	}
	for _, id := range append(slices.Clone(r.Remove), r.Update...) {
		if _, there := out.Locked[id]; !there {
			return out, &NotInstalledError{id}
		}
	}
	for _, id := range r.Remove {
		delete(roots, id)
		delete(p.ranges, id)
	}
	for _, w := range r.Wants {
		roots[w.ID], p.ranges[w.ID] = w.Range, w.Range.Text
		out.Update = append(out.Update, w.ID)
	}
	for _, source := range r.Sources {
		man, err := manifest.Parse(bundle.ManifestName, source.Bundle.Manifest())
		if err != nil {
			return out, &SourceError{Path: source.Name, What: err.Error(), Err: err}
		}
		if !man.Library {
			roots[man.ID], p.ranges[man.ID] = exactly(man.Version), r.keep[man.ID]
		}
	}
	for id, at := range roots {
		out.Roots = append(out.Roots, manifest.Requirement{ID: id, Range: at})
	}
	slices.SortFunc(out.Roots, func(a, b manifest.Requirement) int { return strings.Compare(a.ID, b.ID) })
	if api := p.judge.facts.API; api != nil && api.Version != "" {
		if v, err := semver.StrictNewVersion(api.Version); err == nil {
			out.API = v
		}
	}
	return out, nil
}

// exactly is the range of one version.
func exactly(v *semver.Version) manifest.Range {
	at, err := manifest.ParseRange("=" + v.String())
	if err != nil {
		panic(err) // it is the version of a manifest
	}
	return at
}

// rangeOf is the range in which updates of a mod are looked for: that which was asked
// for, or else what is compatible with the version.
func (p *Plan) rangeOf(id, version string) string {
	if text := p.ranges[id]; text != "" {
		return text
	}
	return "^" + version
}

// needing returns who needs a mod that was chosen.
func (p *Plan) needing(id string) (by []string) {
	if _, there := p.result.Mod(id); !there {
		return nil
	}
	for _, m := range p.result.Mods {
		if slices.ContainsFunc(m.Dependencies, func(d resolution.Pin) bool { return d.ID == id }) {
			by = append(by, m.ID)
		}
	}
	return by
}

// judgeAll finds out about all that was chosen and is not installed.
func (p *Plan) judgeAll() error {
	installed := map[string]lockfile.Mod{}
	libraries := map[string]lockfile.Library{} // by digest
	for _, m := range p.judge.state.installed() {
		installed[m.ID] = m
		for _, l := range m.Libraries {
			libraries[l.Digest] = l
		}
	}
	var others []*review.Review
	items := map[string]*Item{} // by digest
	for _, m := range p.result.Mods {
		var needs []string
		for _, l := range m.Libraries {
			b, err := p.choose(l.ID, l.Version)
			if err != nil {
				return err
			}
			needs = append(needs, l.ID)
			digest := b.bundle.Digest()
			was, there := libraries[digest]
			resigned := there && p.resigned(b, was.Publisher, was.Keys)
			if there && !resigned {
				continue
			}
			if items[digest] == nil {
				item, err := p.item(b, others)
				if err != nil {
					return err
				}
				item.Installed, item.Resigned = was.Version, resigned
				items[digest] = item
				others = append(others, item.Review)
				p.Items = append(p.Items, item)
			}
			items[digest].NeededBy = append(items[digest].NeededBy, m.ID)
		}
		b, err := p.choose(m.ID, m.Version)
		if err != nil {
			return err
		}
		for _, d := range m.Dependencies {
			needs = append(needs, d.ID)
		}
		was, there := installed[m.ID]
		resigned := there && was.Digest == b.bundle.Digest() && p.resigned(b, was.Publisher, was.Keys)
		if there && was.Digest == b.bundle.Digest() && !resigned {
			p.Same++
			continue
		}
		if there && !p.request.AllowDowngrade && older(m.Version, was.Version) {
			return &DowngradeError{ID: m.ID, Installed: was.Version, Version: m.Version}
		}
		item, err := p.item(b, others)
		if err != nil {
			return err
		}
		item.Asked, item.NeededBy, item.needs, item.Installed, item.Resigned = m.Asked, p.needing(m.ID), needs, was.Version, resigned
		others = append(others, item.Review)
		p.Items = append(p.Items, item)
	}
	return nil
}

// resigned reports whether a bundle that was named, and has the digest of an installed
// one, is signed by somebody who is trusted, and not as that is locked. One that nobody
// trusts never takes the place of another.
func (p *Plan) resigned(b book, publisher string, keys []string) bool {
	if !b.named {
		return false
	}
	signed := p.judge.facts.Trust.Verify(b.bundle, p.judge.facts.At)
	return signed.Signature == policy.Trusted && (signed.Publisher != publisher || !slices.Equal(signed.Keys, keys))
}

// choose takes a version from the shelf.
func (p *Plan) choose(id, version string) (book, error) {
	b, err := p.shelf.book(id, version)
	if err == nil {
		p.digests[id+" "+version] = b.bundle.Digest()
	}
	return b, err
}

func (p *Plan) item(b book, others []*review.Review) (*Item, error) {
	v, err := p.judge.judge(b.bundle, b.manifest.ID, others)
	if err != nil {
		return nil, err
	}
	return &Item{Review: v.review, Decision: v.decision, From: b.from, Before: v.before, Follows: v.follows,
		bundle: b.bundle, last: p.judge.state.approvals.Last(b.bundle.Digest())}, nil
}

func older(a, b string) bool {
	x, err := semver.StrictNewVersion(a)
	y, err2 := semver.StrictNewVersion(b)
	return err == nil && err2 == nil && x.LessThan(y)
}

// Asks reports whether a person has to decide about the item.
func (i *Item) Asks() bool { return i.Decision.Effect == policy.Ask }

// Undecided returns the capabilities that it can do without, and that a person may grant
// to it or not; sorted. Without an answer it does not get them.
func (i *Item) Undecided() (capabilities []string) {
	if i.last != nil || i.Follows {
		return nil
	}
	for _, p := range i.Decision.Permissions {
		if p.Optional && !p.Granted && p.Ruling.Effect == policy.Ask {
			capabilities = append(capabilities, p.Capability)
		}
	}
	return capabilities
}

// Denied returns the items that may not be installed, whatever anybody says.
func (p *Plan) Denied() (items []*Item) {
	for _, i := range p.Items {
		if !i.Decision.Runs() && !i.Asks() {
			items = append(items, i)
		}
	}
	return items
}

// Empty reports whether the plan changes nothing.
func (p *Plan) Empty() bool { return len(p.Items)+len(p.Gone) == 0 }
