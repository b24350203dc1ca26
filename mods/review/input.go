package review

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/provenance"
	"github.com/luasandbox/modrunner/mods/trust"
)

// Input is what a review is made from. Only Bundle has to be there.
type Input struct {
	Bundle *bundle.Bundle
	Trust  *trust.Store // nil trusts nobody
	// API is what the host offers. Nil: the risks of capabilities are not known, and
	// count as high.
	API *gate.API
	// At is the time at which it is judged who is trusted.
	At time.Time
	// Advisories and Freezes may be nil: then there are none.
	Advisories *advisory.Database
	Freezes    *advisory.Freezes
	// KnownSigners returns the ids of keys that are known to have signed a digest: a
	// freeze by key holds for it also when the signature was taken away. It may be nil.
	KnownSigners func(digest string) []string

	// Approved is the last approval of a mod of this id, of this version or another. Nil:
	// there is none.
	Approved *policy.Approval
	// ApprovedBundle is the bundle that Approved is of. Without it, or with another one,
	// less can be said of what changed.
	ApprovedBundle *bundle.Bundle

	// Others are reviews of other mods: those that are needed, and those that these need.
	// They are not changed.
	Others []*Review
}

// Of reviews a bundle. Nothing of it is run. It fails only if there is no manifest to
// speak of, with a [*manifest.Error]: whatever else is wrong is in the review.
//
// The same input gives the same review.
func Of(in Input) (*Review, error) {
	r, err := in.of(in.Bundle)
	if err != nil {
		return nil, err
	}
	companyOf(in.Others).join(r)
	if in.Approved == nil {
		return r, nil
	}
	if in.Approved.Digest == r.Digest && in.Approved.ID == r.ID {
		r.Approval = in.Approved
		return r, nil
	}
	var old *Review
	if in.ApprovedBundle != nil && in.ApprovedBundle.Digest() == in.Approved.Digest {
		old, _ = in.of(in.ApprovedBundle) // without a manifest, it is as if it were not there
	}
	d := compare(approvedBefore(in.Approved, old), r)
	r.Since = &d
	return r, nil
}

// of reviews a bundle by itself.
func (in Input) of(b *bundle.Bundle) (*Review, error) {
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		return nil, err
	}
	r := &Review{
		ID: man.ID, Version: man.Version.String(), Name: man.Name, Description: man.Description,
		Authors: slices.Clone(man.Authors), License: man.License, Library: man.Library, API: man.API.Text,
		Digest: b.Digest(), Limits: man.Limits, HasAPI: in.API != nil,
		Findings: gate.Check(b, man, in.API),
	}
	for _, f := range b.Files() {
		r.Files = append(r.Files, File(f))
	}
	if in.API != nil {
		r.EngineEvents = in.API.Events
	}
	if b.Packed() && b.Archived() && !b.Canonical() {
		r.Strange = "its bytes are not those that pack writes for these files"
	}
	signed := in.Trust.Verify(b, in.At)
	r.Signature, r.Publisher, r.Keys = signed.Signature, signed.Publisher, signed.Keys
	if signed.Err != nil {
		r.Distrust = signed.Err.Error()
	}
	r.origin(b)
	for _, hit := range in.Advisories.Match(r.ID, r.Version) {
		a := Advisory{ID: hit.Advisory.ID, Severity: hit.Severity, Summary: hit.Advisory.Summary, Fixed: hit.Fixed}
		if hit.Unclear != "" {
			a.Summary = strings.TrimSpace(a.Summary + " (" + hit.Unclear + ")")
		}
		if !slices.ContainsFunc(r.Advisories, func(x Advisory) bool { return x.ID == a.ID && x.Severity == a.Severity }) { // two publish it
			r.Advisories = append(r.Advisories, a)
		}
	}
	var keys []string // those too that nobody trusts
	for _, s := range append(signed.Signers, trust.Signers(b)...) {
		keys = append(keys, s.KeyID)
	}
	if in.KnownSigners != nil { // whoever takes a signature away leaves the digest
		keys = append(keys, in.KnownSigners(r.Digest)...)
	}
	r.Freezes = advisory.Reasons(in.Freezes.Match(r.ID, r.Version, r.Digest, keys))
	for _, p := range man.Permissions {
		r.Permissions = append(r.Permissions, in.permission(p))
	}
	for _, l := range []struct {
		relation Relation
		list     []manifest.Requirement
	}{{Needs, man.Dependencies}, {Copies, man.Libraries}, {May, man.OptionalDependencies}, {After, man.LoadAfter}, {Conflicts, man.Conflicts}} {
		for _, q := range l.list {
			r.Requirements = append(r.Requirements, Requirement{Relation: l.relation, ID: q.ID, Range: q.Range.Text})
		}
	}
	for _, s := range man.Settings {
		r.Settings = append(r.Settings, Setting{Name: s.Name, Title: s.Title, Type: string(s.Type)})
	}
	return r, nil
}

// origin reads the statement of provenance.
func (r *Review) origin(b *bundle.Bundle) {
	s, err := provenance.Of(b)
	switch {
	case errors.Is(err, &provenance.Error{Reason: provenance.NotAttached}):
		return
	case err != nil:
		r.NoProvenance = err.Error()
		return
	}
	p := &Provenance{Builder: s.Builder, Built: s.Finished}
	for _, name := range slices.Sorted(maps.Keys(s.Versions)) {
		p.Version = strings.TrimSpace(p.Version + " " + name + " " + s.Versions[name])
	}
	if len(s.Sources) > 0 {
		p.Source, p.Revision = s.Sources[0].URI, s.Sources[0].Commit
	}
	r.Provenance = p
}

// company finds the reviews of the mods that are meant, of each the highest version in
// the range, and of those that these need, in turn.
type company struct {
	others map[string][]*Review // by id
	copies map[*Review]*Review  // that have their requirements found; the others' own stay as they are
}

func companyOf(others []*Review) company {
	c := company{others: map[string][]*Review{}, copies: map[*Review]*Review{}}
	for _, r := range others {
		c.others[r.ID] = append(c.others[r.ID], r)
	}
	return c
}

// join finds the reviews for the requirements of r.
func (c company) join(r *Review) {
	queue := []*Review{r}
	for len(queue) > 0 {
		r, queue = queue[0], queue[1:]
		r.Requirements = slices.Clone(r.Requirements)
		for i := range r.Requirements {
			q := &r.Requirements[i]
			found := c.find(*q)
			if q.Review = nil; found == nil {
				continue
			}
			if c.copies[found] == nil {
				whole := *found
				c.copies[found] = &whole
				queue = append(queue, &whole)
			}
			q.Review = c.copies[found]
		}
	}
}

func (c company) find(q Requirement) (found *Review) {
	if q.Relation == Conflicts {
		return nil
	}
	wanted, err := manifest.ParseRange(q.Range)
	if err != nil {
		return nil
	}
	for _, other := range c.others[q.ID] {
		if inRange(wanted, other.Version) && (found == nil || higher(other.Version, found.Version)) {
			found = other
		}
	}
	return found
}

// permission brings a request into the form that policies know.
func (in Input) permission(p manifest.Permission) Permission {
	out := Permission{Permission: policy.Permission{
		Capability: p.Name, Risk: "high", Reason: p.Reason, Optional: p.Optional, Options: make(map[string]any, len(p.Options)),
	}}
	if c := chosen(in.API, p); c != nil {
		out.Known, out.Doc, out.Version = true, c.Doc, c.Version
		out.Sensitive = c.Sensitive
		if c.Risk != "" {
			out.Risk = c.Risk
		}
		for _, o := range c.Options {
			out.Declared = append(out.Declared, Option{Name: o.Name, Type: o.Type, Doc: o.Doc, Default: o.Default})
		}
	}
	for name, value := range p.Options {
		if text, ok := value.(string); ok && out.isSize(name) {
			if n, err := limits.ParseSize(text); err == nil {
				value = n
			}
		}
		out.Options[name] = plainOption(value)
	}
	return out
}

// plainOption turns a list of a manifest into one of texts. What is no text there, and
// no capability of ours takes, is written as a manifest has it.
func plainOption(value any) any {
	items, ok := value.([]any)
	if !ok {
		return value
	}
	out := make([]string, len(items))
	for i, item := range items {
		if text, ok := item.(string); ok {
			out[i] = text
		} else {
			out[i] = strings.TrimSpace(fmt.Sprint(item))
		}
	}
	return out
}

// inRange reports whether a version is one that a mod asks for.
func inRange(r manifest.Range, version string) bool {
	v, err := semver.StrictNewVersion(version)
	return err == nil && r.Contains(v)
}

// higher reports whether a is a higher version than b.
func higher(a, b string) bool {
	x, err := semver.StrictNewVersion(a)
	y, err2 := semver.StrictNewVersion(b)
	return err == nil && err2 == nil && x.GreaterThan(y)
}

// chosen returns the capability that a host gives for a request: of those by its name
// the highest version in the range that it states. It is nil if there is none.
func chosen(api *gate.API, p manifest.Permission) *gate.Capability {
	if api == nil {
		return nil
	}
	wanted := manifest.Range{}
	if value, there := p.Options["version"]; there {
		text, _ := value.(string)
		var err error
		if wanted, err = manifest.ParseRange(text); err != nil {
			return nil
		}
	}
	var best *gate.Capability
	for i := range api.Capabilities {
		c := &api.Capabilities[i]
		if c.Name == p.Name && inRange(wanted, c.Version) && (best == nil || higher(c.Version, best.Version)) {
			best = c
		}
	}
	return best
}
