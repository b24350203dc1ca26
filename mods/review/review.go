package review

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Review is what is known of one bundle. It is plain data that nobody may change
// once others can see it; its methods may be called by several goroutines.
//
// The texts are as the mod's author wrote them. Whoever shows them uses [Review.Brief],
// which makes them visible, or escapes them.
type Review struct {
	ID, Version string
	Name        string // the ID, if the manifest has no name
	Description string
	Authors     []string
	License     string // "" if the manifest has none
	Library     bool   // it is copied into other mods, and has no permissions of its own
	API         string // the versions of the host's API that it is for; "" for all

	Digest string
	Files  []File // sorted by path
	// Strange is why the bundle is not as "pack" writes it, in words; "" if it is, or is
	// a folder.
	Strange string

	Signature policy.Signature
	// Distrust is why Signature is not policy.Trusted, in words.
	Distrust  string
	Publisher string   // "" unless Trusted
	Keys      []string // ids of the keys with good signatures, sorted

	Provenance *Provenance // nil: there is no statement
	// NoProvenance is why there is none although something is in its place.
	NoProvenance string

	Permissions  []Permission  // sorted by capability
	Limits       limits.Limits // what it asks for; a zero field was not asked for
	Requirements []Requirement // needed, copied in, optional, order, conflicts; each by id
	Settings     []Setting
	// HasAPI says that the capabilities of the host were known.
	HasAPI bool
	// EngineEvents are the events that the host's engine sends; nil if they are not known,
	// and then each that is subscribed to counts as one of them.
	EngineEvents []string
	Findings     []gate.Finding // of the static check, in its order
	// Advisories are those about this version.
	Advisories []Advisory
	Freezes    []string // why an operator stopped it

	// Approval is what was said of these very bytes; nil if nothing was.
	Approval *policy.Approval
	// Since is what changed since other bytes were approved; nil if none were, or if
	// there is an Approval.
	Since *Difference
}

// File is a file of a bundle.
type File struct {
	Path   string
	Size   int64
	SHA256 [32]byte
}

// Provenance is what a bundle says of where it comes from. Nobody vouches for it but
// who signed the bundle.
type Provenance struct {
	Source, Revision string // of what
	Builder, Version string // with what
	Built            time.Time
}

// Permission is a request for one capability. Its options are in the form that
// policies and approvals use: sizes are numbers of bytes, where the capability is known.
type Permission struct {
	policy.Permission
	// Known says that the host has the capability; the rest is empty if not, or if
	// HasAPI is false.
	Known    bool
	Doc      string // what it lets a mod do
	Declared []Option
	// Sensitive says that the host puts each call on record.
	Sensitive bool
}

// Option is an option that a capability of the host has.
type Option struct {
	Name    string
	Type    string // as mods.OptionType
	Doc     string
	Default any // string, []string, int64, float64 or bool; nil: none
}

// declared returns the declaration of an option.
func (p Permission) declared(name string) (Option, bool) {
	i := slices.IndexFunc(p.Declared, func(o Option) bool { return o.Name == name })
	if i < 0 {
		return Option{}, false
	}
	return p.Declared[i], true
}

// names returns the names of the options, sorted.
func (p Permission) names() []string { return slices.Sorted(maps.Keys(p.Options)) }

// texts returns an option that is a list of strings; nil if it is not there.
func (p Permission) texts(name string) []string {
	list, _ := p.Options[name].([]string)
	return list
}

// Relation is how another mod is needed.
type Relation string

// The relations, in the order in which they are told.
const (
	Needs     Relation = "needs"
	Copies    Relation = "copies"    // a library: its code runs as part of this mod
	May       Relation = "may use"   // loaded before it, if it is there
	After     Relation = "after"     // loaded after it, if it is there
	Conflicts Relation = "conflicts" // is not loaded with it
)

// Requirement names another mod.
type Requirement struct {
	Relation Relation
	ID       string
	Range    string  // of versions, as the author wrote it
	Review   *Review // nil: it was not given
}

// Setting is something that the player can choose.
type Setting struct {
	Name, Title, Type string
}

// Advisory is a published warning.
type Advisory struct {
	ID       string
	Severity string // low, medium, high, critical; "high" if it does not say
	Summary  string
	Fixed    string // the version in which it is mended; "" if none is known
}

// severity returns the severity that counts: what is no severity is a high one.
func (a Advisory) severity() string {
	switch a.Severity {
	case "low", "medium", "critical":
		return a.Severity
	}
	return "high"
}

// Request returns what package policy decides about: the mod as it is to run in an
// environment, with a person there who can answer or not.
func (r *Review) Request(environment string, interactive bool) policy.Request {
	q := policy.Request{
		ID: r.ID, Version: r.Version, Digest: r.Digest, Name: r.Name, Library: r.Library,
		Signature: r.Signature, Publisher: r.Publisher, Keys: slices.Clone(r.Keys),
		Environment: environment, Interactive: interactive,
		Risk: r.Risk().Score, Freezes: slices.Clone(r.Freezes), Limits: r.Limits,
	}
	for _, f := range r.Findings {
		q.Findings = append(q.Findings, policy.Finding{Rule: f.Rule, Severity: string(cmp.Or(counts(f), gate.Note))})
	}
	for _, a := range r.Advisories {
		q.Advisories = append(q.Advisories, policy.Advisory{ID: a.ID, Severity: a.severity()})
	}
	for _, p := range r.Permissions {
		one := p.Permission
		one.Options = maps.Clone(one.Options)
		q.Permissions = append(q.Permissions, one)
	}
	if d := r.Since; d != nil {
		q.Update = &policy.Update{
			FromVersion: d.FromVersion, FromDigest: d.FromDigest, More: d.More,
			SignerChanged: d.SignerChanged, RiskRaised: d.RiskRaised, Downgrade: d.Downgrade,
		}
	}
	return q
}

// emits returns the events that it may send.
func (r *Review) emits() []string { return r.option("events", "emit") }

// exports returns the functions that it offers to other mods.
func (r *Review) exports() []string { return r.option("services", "export") }

func (r *Review) option(capability, name string) []string {
	for _, p := range r.Permissions {
		if p.Capability == capability {
			return p.texts(name)
		}
	}
	return nil
}

// luaFiles counts the files of source text.
func (r *Review) luaFiles() int {
	n := 0
	for _, f := range r.Files {
		if strings.HasSuffix(f.Path, ".lua") {
			n++
		}
	}
	return n
}

// bytes returns how large all files are together.
func (r *Review) bytes() int64 {
	n := int64(0)
	for _, f := range r.Files {
		n += f.Size
	}
	return n
}
