package install

import (
	"cmp"
	"context"
	"fmt"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/resolution"
)

// Catalog is where mods are that are not here yet. What it says is good for choosing:
// what it fetches is checked and judged as any other bundle.
type Catalog interface {
	resolution.Universe
	// Fetch returns the bundle of one of the versions that Versions told of.
	Fetch(ctx context.Context, id, version string) (*bundle.Bundle, error)
}

// The places that a bundle comes from.
const (
	fromFile    = "file"
	fromCatalog = "catalog"
)

// origin is one of them: what a lock says that somebody else wrote may be anything.
func origin(source string) string {
	if source == fromCatalog {
		return fromCatalog
	}
	return fromFile
}

// shelf is the versions that a plan chooses from: bundles that were named, then those
// that are installed, then those that wait, then those of a catalogue. It is the
// [resolution.Universe] of a plan, and belongs to one goroutine.
type shelf struct {
	ctx     context.Context
	here    map[string]map[string]book // by id and version
	catalog Catalog                    // may be nil
	fetched map[string]*bundle.Bundle  // by id and version; kept between plans
}

// book is a version whose bundle is here.
type book struct {
	bundle   *bundle.Bundle
	manifest *manifest.Manifest
	from     string
	named    bool // it was named, rather than found
}

// newShelf puts the bundles of a home behind those that were named. Of the mods that
// wait it takes those that waits accepts.
func newShelf(ctx context.Context, s *State, sources []Source, catalog Catalog, waits func(Waiting) bool) (*shelf, error) {
	sh := &shelf{ctx: ctx, here: map[string]map[string]book{}, catalog: catalog, fetched: map[string]*bundle.Bundle{}}
	for _, source := range sources {
		id, there, err := sh.put(source.Bundle, cmp.Or(source.from, fromFile), source.from == "")
		if err != nil {
			return nil, &SourceError{Path: source.Name, What: "its manifest cannot be read: " + err.Error(), Err: err}
		}
		if there.bundle != nil && there.bundle.Digest() != source.Bundle.Digest() {
			return nil, &SourceError{Path: source.Name, What: fmt.Sprintf("is %s %s, which another of the files named is too, with other contents", id, there.manifest.Version)}
		}
	}
	var digests []string
	for _, m := range s.installed() {
		digests = append(digests, m.Digest)
		for _, l := range m.Libraries {
			digests = append(digests, l.Digest)
		}
	}
	for _, w := range s.approvals.Waiting {
		if waits(w) {
			digests = append(digests, w.Digest)
		}
	}
	for _, digest := range digests {
		b, err := s.Bundle(digest)
		if err != nil {
			return nil, err
		}
		if _, _, err := sh.put(b, s.origin(digest), false); err != nil {
			return nil, err
		}
	}
	return sh, nil
}

// put adds a bundle, unless that version is there: then it is returned.
func (sh *shelf) put(b *bundle.Bundle, from string, named bool) (id string, there book, err error) {
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		return "", book{}, err
	}
	if sh.here[man.ID] == nil {
		sh.here[man.ID] = map[string]book{}
	}
	version := man.Version.String()
	if there, ok := sh.here[man.ID][version]; ok {
		return man.ID, there, nil
	}
	sh.here[man.ID][version] = book{b, man, from, named}
	return man.ID, book{}, nil
}

// Versions implements [resolution.Universe].
func (sh *shelf) Versions(id string) ([]resolution.Candidate, error) {
	var all []resolution.Candidate
	for _, b := range sh.here[id] {
		all = append(all, resolution.CandidateOf(b.manifest))
	}
	if sh.catalog == nil {
		return all, nil
	}
	more, err := sh.catalog.Versions(id)
	if err != nil {
		return nil, err
	}
	for _, c := range more {
		if _, there := sh.here[id][c.Version.String()]; !there {
			all = append(all, c)
		}
	}
	return all, nil
}

// book returns a version that was chosen, which is fetched if it is not here.
func (sh *shelf) book(id, version string) (book, error) {
	if b, there := sh.here[id][version]; there {
		return b, nil
	}
	key := id + " " + version
	b := sh.fetched[key]
	if b == nil {
		var err error
		if b, err = sh.catalog.Fetch(sh.ctx, id, version); err != nil {
			return book{}, err
		}
		if err := (Source{Name: key + " of the catalogue", Bundle: b}).check(); err != nil {
			return book{}, err
		}
		sh.fetched[key] = b
	}
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		return book{}, err
	}
	if man.ID != id || man.Version.String() != version {
		return book{}, &SourceError{Path: key + " of the catalogue", What: fmt.Sprintf("is %s %s", man.ID, man.Version)}
	}
	return book{bundle: b, manifest: man, from: fromCatalog}, nil
}
