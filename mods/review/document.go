package review

import (
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Document is a review for programs, as JSON. The names of its fields do not change;
// lists are never null. Its texts are as the mod's author wrote them, not escaped for
// any display.
type Document struct {
	ID           string                `json:"id"`
	Version      string                `json:"version"`
	Name         string                `json:"name"`
	Description  string                `json:"description"`
	Authors      []string              `json:"authors"`
	License      string                `json:"license"`
	Library      bool                  `json:"library"`
	API          string                `json:"api"`
	Digest       string                `json:"digest"`
	Files        int                   `json:"files"`
	Bytes        int64                 `json:"bytes"`
	Archive      string                `json:"archive"` // what is wrong with it; ""
	Signature    DocumentSignature     `json:"signature"`
	Provenance   *DocumentProvenance   `json:"provenance"`
	Risk         Risk                  `json:"risk"`
	Permissions  []DocumentPermission  `json:"permissions"`
	Limits       map[string]int64      `json:"limits"` // that are asked for; time in nanoseconds
	Exports      []string              `json:"exports"`
	Emits        []string              `json:"emits"`
	Requirements []DocumentRequirement `json:"requirements"`
	Settings     []DocumentSetting     `json:"settings"`
	Findings     []gate.Finding        `json:"findings"`
	Advisories   []DocumentAdvisory    `json:"advisories"`
	Freezes      []string              `json:"freezes"`
	Approval     *policy.Approval      `json:"approval"` // of these very bytes
	Since        *Difference           `json:"since"`    // the last approval, of other bytes
}

// DocumentSignature is who signed it.
type DocumentSignature struct {
	State     policy.Signature `json:"state"`
	Publisher string           `json:"publisher"`
	Keys      []string         `json:"keys"`
	Problem   string           `json:"problem"`
}

// DocumentProvenance is where it says that it comes from; Problem says why that is not
// known.
type DocumentProvenance struct {
	Source   string     `json:"source"`
	Revision string     `json:"revision"`
	Builder  string     `json:"builder"`
	Version  string     `json:"version"` // of the builder
	Built    *time.Time `json:"built"`
	Problem  string     `json:"problem"`
}

// DocumentPermission is a request for a capability; May says in words what it lets the
// mod do.
type DocumentPermission struct {
	Capability string         `json:"capability"`
	Version    string         `json:"version"`
	Risk       string         `json:"risk"`
	Known      bool           `json:"known"`
	Optional   bool           `json:"optional"`
	Reason     string         `json:"reason"`
	Options    map[string]any `json:"options"`
	May        []string       `json:"may"`
}

// DocumentRequirement is another mod; Review is null if it was not given.
type DocumentRequirement struct {
	Relation Relation       `json:"relation"`
	ID       string         `json:"id"`
	Range    string         `json:"range"`
	Review   *DocumentBrief `json:"review"`
}

// DocumentBrief is the review of another mod in short.
type DocumentBrief struct {
	ID           string           `json:"id"`
	Version      string           `json:"version"`
	Digest       string           `json:"digest"`
	Signature    policy.Signature `json:"signature"`
	Publisher    string           `json:"publisher"`
	Risk         int              `json:"risk"`
	Capabilities []string         `json:"capabilities"`
	Warnings     int              `json:"warnings"` // advisories and freezes
}

// DocumentSetting is what the player can choose.
type DocumentSetting struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Type  string `json:"type"`
}

// DocumentAdvisory is a published warning.
type DocumentAdvisory struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Fixed    string `json:"fixed"`
}

// Document returns the review for programs.
func (r *Review) Document() Document {
	d := Document{
		ID: r.ID, Version: r.Version, Name: r.Name, Description: r.Description, Authors: listOf(r.Authors),
		License: r.License, Library: r.Library, API: r.API, Digest: r.Digest, Files: len(r.Files), Bytes: r.bytes(), Archive: r.Strange,
		Signature: DocumentSignature{State: r.Signature, Publisher: r.Publisher, Keys: listOf(r.Keys), Problem: r.Distrust},
		Risk:      r.Risk(), Permissions: []DocumentPermission{}, Limits: map[string]int64{}, Exports: listOf(r.exports()), Emits: listOf(r.emits()),
		Requirements: []DocumentRequirement{}, Settings: []DocumentSetting{}, Findings: listOf(r.Findings),
		Advisories: []DocumentAdvisory{}, Freezes: listOf(r.Freezes), Approval: r.Approval, Since: r.Since,
	}
	if p := r.Provenance; p != nil {
		d.Provenance = &DocumentProvenance{Source: p.Source, Revision: p.Revision, Builder: p.Builder, Version: p.Version}
		if !p.Built.IsZero() {
			built := p.Built.UTC()
			d.Provenance.Built = &built
		}
	} else if r.NoProvenance != "" {
		d.Provenance = &DocumentProvenance{Problem: r.NoProvenance}
	}
	for _, p := range r.Permissions {
		options := p.Options
		if options == nil {
			options = map[string]any{}
		}
		d.Permissions = append(d.Permissions, DocumentPermission{
			Capability: p.Capability, Version: p.Version, Risk: p.Risk, Known: p.Known, Optional: p.Optional,
			Reason: p.Reason, Options: options, May: reach(p),
		})
	}
	for _, k := range limits.Kinds() {
		if n := r.Limits.Of(k); n != 0 {
			d.Limits[k.String()] = n
		}
	}
	for _, q := range r.Requirements {
		d.Requirements = append(d.Requirements, DocumentRequirement{Relation: q.Relation, ID: q.ID, Range: q.Range, Review: q.Review.inShort()})
	}
	for _, s := range r.Settings {
		d.Settings = append(d.Settings, DocumentSetting(s))
	}
	for _, a := range r.Advisories {
		d.Advisories = append(d.Advisories, DocumentAdvisory{ID: a.ID, Severity: a.severity(), Summary: a.Summary, Fixed: a.Fixed})
	}
	return d
}

// inShort is nil for no review.
func (r *Review) inShort() *DocumentBrief {
	if r == nil {
		return nil
	}
	b := &DocumentBrief{ID: r.ID, Version: r.Version, Digest: r.Digest, Signature: r.Signature, Publisher: r.Publisher,
		Risk: r.Risk().Score, Capabilities: []string{}, Warnings: len(r.Advisories) + len(r.Freezes)}
	for _, p := range r.Permissions {
		b.Capabilities = append(b.Capabilities, p.Capability)
	}
	return b
}

// listOf returns a copy of a list that is never nil.
func listOf[T any](list []T) []T { return append(make([]T, 0, len(list)), list...) }
