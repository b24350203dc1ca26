package catalog

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// Entry is one version of a mod, as the catalogue has it. All of it but the digest is
// the catalogue's word, good for choosing and for showing: [Client.Fetch] compares it
// with the bundle.
type Entry struct {
	ID      string `json:"id"`
	Version string `json:"version"` // as semver.Version.String writes it
	Digest  string `json:"digest"`  // of the bundle

	Library bool   `json:"library,omitempty"`
	API     string `json:"api,omitempty"` // range; "" if not stated

	Dependencies         []Requirement `json:"dependencies,omitempty"` // all sorted by ID
	OptionalDependencies []Requirement `json:"optional_dependencies,omitempty"`
	Libraries            []Requirement `json:"libraries,omitempty"`
	Conflicts            []Requirement `json:"conflicts,omitempty"`
	LoadAfter            []Requirement `json:"load_after,omitempty"`
	Permissions          []Permission  `json:"permissions,omitempty"` // sorted by Capability

	// Signers are the ids of the keys that say they signed the bundle, sorted; whether
	// they did, and who they are, the trust store says.
	Signers []string `json:"signers,omitempty"`
	// Publisher is whom the catalogue names. Who signed the bundle, the trust store says.
	Publisher string `json:"publisher,omitempty"`
	// Yanked versions are not chosen anew; who has one keeps it.
	Yanked *Yank `json:"yanked,omitempty"`

	// Of the mod, from the index; the same in all entries of an id.
	Name        string   `json:"-"`
	Description string   `json:"-"`
	Authors     []string `json:"-"`
	License     string   `json:"-"`
	// Size is that of the bundle's archive, in bytes.
	Size int64 `json:"-"`
}

// Requirement names another mod and the versions of it that are meant.
type Requirement struct {
	ID    string `json:"id"`
	Range string `json:"range"`
}

// Permission is the request for one capability. Its options are in the bundle.
type Permission struct {
	Capability string `json:"capability"`
	Reason     string `json:"reason"`
	Optional   bool   `json:"optional,omitempty"`
	// Risk of the capability, as the catalogue sees it: none, low, medium or high. No
	// bundle says that of itself, so it is not compared with anything.
	Risk string `json:"risk"`
}

// Yank says why a version was taken back.
type Yank struct {
	Reason string    `json:"reason"`
	Date   time.Time `json:"date"`
}

// maxCustom bounds the JSON text of an entry: somewhat more than a manifest can make.
const maxCustom = 96 << 10

// custom is the form of an entry in the metadata of its target.
type custom struct {
	Format int `json:"format"` // 1
	Entry
}

const entryFormat = 1

// parseEntry reads what the metadata of a target says. The catalogue signed it, and may
// be in the hands of others: each field is checked.
func parseEntry(target string, data []byte) (Entry, error) {
	var c custom
	if err := decodeStrict(target, data, maxCustom, &c); err != nil {
		return Entry{}, err
	}
	if c.Format != entryFormat {
		return Entry{}, malformed(target, "format %d; this version reads %d", c.Format, entryFormat)
	}
	if err := c.Entry.check(target); err != nil {
		return Entry{}, err
	}
	return c.Entry, nil
}

func (e *Entry) check(target string) error {
	name, err := bundle.DigestName(e.Digest)
	if err != nil || bundlesFolder+name+bundleSuffix != target {
		return malformed(target, "it says the digest %s, which has another name", quoted(e.Digest))
	}
	if err := manifest.CheckID(e.ID); err != nil {
		return &Error{Reason: Malformed, Name: target, Err: err}
	}
	if v, err := semver.StrictNewVersion(e.Version); err != nil || v.String() != e.Version {
		return malformed(target, "the version %s is none", quoted(e.Version))
	}
	if e.API != "" {
		if _, err := manifest.ParseRange(e.API); err != nil {
			return malformed(target, "the range %s of the API: %v", quoted(e.API), err)
		}
	}
	for _, list := range [][]Requirement{e.Dependencies, e.OptionalDependencies, e.Libraries, e.Conflicts, e.LoadAfter} {
		for i, r := range list {
			if err := manifest.CheckID(r.ID); err != nil || i > 0 && list[i-1].ID >= r.ID {
				return malformed(target, "it names the mod %s, which is none, or out of order", quoted(r.ID))
			}
			if _, err := manifest.ParseRange(r.Range); err != nil {
				return malformed(target, "it names %s in the range %s: %v", quoted(r.ID), quoted(r.Range), err)
			}
		}
	}
	for i, p := range e.Permissions {
		if !plainName(p.Capability) || i > 0 && e.Permissions[i-1].Capability >= p.Capability || len(p.Reason) > 4*maxReasonText {
			return malformed(target, "the permission %s is none, or out of order", quoted(p.Capability))
		}
		if !slices.Contains(risks, p.Risk) {
			return malformed(target, "the risk %s; want one of %s", quoted(p.Risk), strings.Join(risks, ", "))
		}
	}
	for i, key := range e.Signers {
		if !keyID(key) || i > 0 && e.Signers[i-1] >= key {
			return malformed(target, "the signer %s is no key, or out of order", quoted(key))
		}
	}
	if len(e.Publisher) > maxLine || e.Yanked != nil && len(e.Yanked.Reason) > maxLine {
		return malformed(target, "a text of more than %d bytes", maxLine)
	}
	return nil
}

const (
	maxReasonText = 200 // characters, as in manifests
	maxNameText   = 128
	maxLine       = 1000 // bytes
)

var risks = []string{"none", "low", "medium", "high"}

// plainName reports whether a text can be the id of a mod or the name of a capability.
// It is no stricter than manifests are: what is wrong in detail shows when the bundle is
// compared.
func plainName(s string) bool {
	if s == "" || len(s) > maxNameText {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// EntryOf says of a bundle what a catalogue would say of it. The risk is asked for each
// capability; nil stands for "high". The error is a [*manifest.Error].
func EntryOf(b *bundle.Bundle, risk func(capability string) string) (Entry, error) {
	m, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		return Entry{}, err
	}
	e := Entry{
		ID: m.ID, Version: m.Version.String(), Digest: b.Digest(), Library: m.Library, API: m.API.Text,
		Dependencies:         requirements(m.Dependencies),
		OptionalDependencies: requirements(m.OptionalDependencies),
		Libraries:            requirements(m.Libraries),
		Conflicts:            requirements(m.Conflicts),
		LoadAfter:            requirements(m.LoadAfter),
		Name:                 m.Name, Description: m.Description, Authors: m.Authors, License: m.License,
	}
	for _, f := range b.Attachments() {
		if bundle.IsSignature(f.Path) {
			e.Signers = append(e.Signers, strings.TrimSuffix(path.Base(f.Path), path.Ext(f.Path)))
		}
	}
	for _, p := range m.Permissions {
		asked := Permission{Capability: p.Name, Reason: p.Reason, Optional: p.Optional, Risk: "high"}
		if risk != nil {
			asked.Risk = risk(p.Name)
		}
		e.Permissions = append(e.Permissions, asked)
	}
	return e, nil
}

func requirements(list []manifest.Requirement) []Requirement {
	var out []Requirement
	for _, r := range list {
		out = append(out, Requirement{r.ID, r.Range.Text})
	}
	return out
}

// compare holds the catalogue's word against the bundle. The error is a [*ClaimError],
// or that of a manifest that cannot be read.
func (e *Entry) compare(b *bundle.Bundle) error {
	is, err := EntryOf(b, nil)
	if err != nil {
		return err
	}
	asked := func(list []Permission) []Permission {
		out := slices.Clone(list)
		for i := range out {
			out[i].Risk = ""
		}
		return out
	}
	for _, f := range []struct {
		name       string
		says, does any
	}{
		{"id", e.ID, is.ID},
		{"version", e.Version, is.Version},
		{"digest", e.Digest, is.Digest},
		{"library", e.Library, is.Library},
		{"api", e.API, is.API},
		{"dependencies", e.Dependencies, is.Dependencies},
		{"optional_dependencies", e.OptionalDependencies, is.OptionalDependencies},
		{"libraries", e.Libraries, is.Libraries},
		{"conflicts", e.Conflicts, is.Conflicts},
		{"load_after", e.LoadAfter, is.LoadAfter},
		{"signers", e.Signers, is.Signers},
		{"permissions", asked(e.Permissions), asked(is.Permissions)},
	} {
		says, does := shown(f.says), shown(f.does)
		if says != does {
			return &ClaimError{ID: e.ID, Version: e.Version, Field: f.name, Catalog: says, Bundle: does}
		}
	}
	return nil
}

// shown is a text that is the same for two claims exactly if the claims are.
func shown(claim any) string {
	if s, ok := claim.(string); ok {
		return s
	}
	text, err := json.Marshal(claim)
	if err != nil {
		panic(err) // plain structs
	}
	if string(text) == "null" {
		return "[]"
	}
	return string(text)
}

// newer orders entries: the newest version first, and of equal ones by text.
func newer(a, b Entry) int {
	x, y := semver.MustParse(a.Version), semver.MustParse(b.Version) // checked when they were read
	if c := y.Compare(x); c != 0 {
		return c
	}
	return strings.Compare(b.Version, a.Version)
}

func hexOf(sum []byte) string { return hex.EncodeToString(sum) }

// String is the id and the version.
func (e Entry) String() string { return fmt.Sprintf("%s %s", e.ID, e.Version) }
