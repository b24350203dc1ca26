package review

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Difference is what changed from one version of a mod to another.
type Difference struct {
	FromVersion string `json:"from_version"`
	FromDigest  string `json:"from_digest"`
	ToVersion   string `json:"to_version"`
	ToDigest    string `json:"to_digest"`
	// Approved says that it is what was granted in an approval that it is compared with.
	Approved bool `json:"approved"`
	// Changes are in the order in which they are told; never nil.
	Changes []Change `json:"changes"`
	// More says that it asks for something that was not granted, or that nobody can
	// tell: whatever is not surely less, or the same, is more.
	More          bool `json:"more"`
	SignerChanged bool `json:"signer_changed"`
	RiskRaised    bool `json:"risk_raised"`
	Downgrade     bool `json:"downgrade"` // the version is lower
}

// ChangeKind says what a change is about.
type ChangeKind string

// The kinds of changes, in the order in which they are told.
const (
	VersionChange    ChangeKind = "version"
	SignerChange     ChangeKind = "signer"
	RiskChange       ChangeKind = "risk"
	PermissionChange ChangeKind = "permission" // added, removed, or another version of it
	OptionChange     ChangeKind = "option"
	ReasonChange     ChangeKind = "reason"
	LimitChange      ChangeKind = "limit"
	RequireChange    ChangeKind = "requirement"
	SettingChange    ChangeKind = "setting"
	AdvisoryChange   ChangeKind = "advisory"
	FindingChange    ChangeKind = "finding"
	FilesChange      ChangeKind = "files"
)

// Change is one thing that changed. Before and After are as they are shown, "" for
// nothing; they and Words hold the author's texts as they are, not escaped.
type Change struct {
	Kind    ChangeKind `json:"kind"`
	Subject string     `json:"subject"` // such as "http.hosts" or "memory"
	Before  string     `json:"before"`
	After   string     `json:"after"`
	More    bool       `json:"more"` // as in Difference
	Words   string     `json:"words"`
}

// Compare says what changed from one version of a mod to another, of which all that it
// asked for was granted.
func Compare(old, new *Review) Difference {
	return compare(before{Review: old, risk: old.Risk().Score, files: true}, new)
}

// before is what a mod is compared with.
type before struct {
	*Review
	risk     int
	approved bool // it is what was granted
	files    bool // the bundle is there: its files, requirements, findings, texts and signature are known
}

// approvedBefore returns what was granted in an approval. The review of the bundle that
// was approved may be nil, or of another bundle, and is not used then.
func approvedBefore(a *policy.Approval, old *Review) before {
	b := before{Review: &Review{}, risk: a.Risk, approved: true}
	if old != nil && old.Digest == a.Digest && old.ID == a.ID {
		whole := *old
		b.Review, b.files = &whole, true
	}
	b.ID, b.Version, b.Digest, b.Publisher, b.Keys, b.Limits = a.ID, a.Version, a.Digest, a.Publisher, a.Keys, a.Limits
	asked := b.Permissions
	b.Permissions = nil
	if a.Verdict != policy.Approved {
		return b // nothing is granted
	}
	for _, g := range a.Grants {
		p := Permission{Permission: policy.Permission{Capability: g.Capability, Options: plainOptions(g.Options)}}
		if i := slices.IndexFunc(asked, func(p Permission) bool { return p.Capability == g.Capability }); i >= 0 {
			p.Reason, p.Optional = asked[i].Reason, asked[i].Optional
		}
		b.Permissions = append(b.Permissions, p)
	}
	return b
}

// plainOptions brings the options of a grant, which may have been written as JSON, into
// the form that a request has.
func plainOptions(options map[string]any) map[string]any {
	out := make(map[string]any, len(options))
	for name, value := range options {
		if items, ok := list(value); ok && value != nil {
			value = items
		}
		out[name] = value
	}
	return out
}

// comparison builds a difference.
type comparison struct {
	old before
	new *Review
	d   Difference
}

func compare(old before, new *Review) Difference {
	c := &comparison{old: old, new: new, d: Difference{
		FromVersion: old.Version, FromDigest: old.Digest, ToVersion: new.Version, ToDigest: new.Digest,
		Approved: old.approved, Changes: []Change{},
	}}
	c.identity()
	c.signer()
	c.risk()
	c.permissions()
	c.limits()
	c.requirements()
	if old.files {
		c.settings()
	}
	c.advisories()
	c.findings()
	if old.files {
		c.files()
	}
	return c.d
}

func (c *comparison) add(change Change) {
	c.d.Changes = append(c.d.Changes, change)
	c.d.More = c.d.More || change.More
}

func (c *comparison) identity() {
	if c.old.ID != c.new.ID { // nobody should compare these; nothing is granted to the other
		c.add(Change{Kind: VersionChange, Subject: "id", Before: c.old.ID, After: c.new.ID, More: true,
			Words: fmt.Sprintf("this is another mod: %s, was %s", c.new.ID, c.old.ID)})
	}
	if c.old.Version == c.new.Version {
		if c.old.Digest != c.new.Digest {
			c.add(Change{Kind: VersionChange, Subject: "digest", Before: c.old.Digest, After: c.new.Digest,
				Words: "the version is the same, and what is in it is not"})
		}
		return
	}
	change := Change{Kind: VersionChange, Subject: "version", Before: c.old.Version, After: c.new.Version,
		Words: fmt.Sprintf("version %s -> %s", c.old.Version, c.new.Version)}
	from, err := semver.StrictNewVersion(c.old.Version)
	to, err2 := semver.StrictNewVersion(c.new.Version)
	if c.d.Downgrade = err == nil && err2 == nil && to.LessThan(from); c.d.Downgrade {
		change.Words += ": it is an older one"
	}
	c.add(change)
}

// signer is changed unless the same publisher signed both, or, where there is no
// publisher, the same keys, or nobody. A publisher may have several keys.
func (c *comparison) signer() {
	old, new := c.old, c.new
	same := old.Publisher == new.Publisher
	if same && new.Publisher == "" && !(old.files && old.Digest == new.Digest && old.Signature == new.Signature) {
		same = slices.Equal(old.Keys, new.Keys) && (len(new.Keys) > 0 || new.Signature == policy.Unsigned) &&
			(!old.files || old.Signature == new.Signature)
	}
	if same {
		return
	}
	c.d.SignerChanged = true
	from := signerWords(old.Publisher, old.Keys, old.Signature)
	to := signerWords(new.Publisher, new.Keys, new.Signature)
	c.add(Change{Kind: SignerChange, Subject: "signer", Before: from, After: to, Words: fmt.Sprintf("signed by %s, was by %s", to, from)})
}

func signerWords(publisher string, keys []string, state policy.Signature) string {
	switch {
	case publisher != "":
		return publisher
	case state != "" && state != policy.UnknownKey && state != policy.Unsigned:
		return "nobody who is trusted (" + string(state) + ")"
	case len(keys) > 0:
		return "unknown keys (" + strings.Join(keys, ", ") + ")"
	}
	return "nobody"
}

// risk is not surely as low as it was where both are as high as can be.
func (c *comparison) risk() {
	from, to := c.old.risk, c.new.Risk().Score
	topped := from >= MaxRisk && to >= MaxRisk && c.old.Digest != c.new.Digest
	if from == to && !topped {
		return
	}
	c.d.RiskRaised = to > from || topped
	words := fmt.Sprintf("risk %d -> %d", from, to)
	if topped {
		words = fmt.Sprintf("risk %d, as before: it may have risen beyond", to)
	}
	c.add(Change{Kind: RiskChange, Subject: "risk", Before: strconv.Itoa(from), After: strconv.Itoa(to), Words: words})
}

func byCapability(list []Permission) map[string]Permission {
	out := make(map[string]Permission, len(list))
	for _, p := range list {
		out[p.Capability] = p
	}
	return out
}

func (c *comparison) permissions() {
	old, new := byCapability(c.old.Permissions), byCapability(c.new.Permissions)
	all := maps.Clone(old)
	maps.Copy(all, new)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		before, was := old[name]
		after, is := new[name]
		subject := name
		switch {
		case !is:
			c.add(Change{Kind: PermissionChange, Subject: subject, Before: optionsText(before), Words: "asks for " + name + " no more"})
			continue
		case !was:
			words := "asks for " + name + ", which it did not"
			if c.old.approved {
				words = "asks for " + name + ", which it was not granted"
			}
			if text := optionsText(after); text != "" {
				words += ": " + text
			}
			c.add(Change{Kind: PermissionChange, Subject: subject, After: optionsText(after), More: true, Words: words})
			continue
		}
		c.options(before, after)
		if before.Optional != after.Optional && c.old.files {
			words := name + " is optional now"
			if !after.Optional {
				words = name + " is not optional any more"
			}
			c.add(Change{Kind: PermissionChange, Subject: subject, Before: optionalText(before), After: optionalText(after), Words: words})
		}
		if before.Reason != after.Reason && c.old.files {
			c.add(Change{Kind: ReasonChange, Subject: subject, Before: before.Reason, After: after.Reason,
				Words: fmt.Sprintf("%s: the reason was %s, and is %s", name, strconv.Quote(before.Reason), strconv.Quote(after.Reason))})
		}
	}
}

func optionalText(p Permission) string {
	if p.Optional {
		return "optional"
	}
	return "needed"
}

// options compares what two requests for one capability say.
func (c *comparison) options(before, after Permission) {
	all := maps.Clone(before.Options)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, after.Options)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a, was := before.Options[name]
		b, is := after.Options[name]
		if was == is && policy.SameOptions(map[string]any{"": a}, map[string]any{"": b}) {
			continue
		}
		var usual any
		kind := meaningOf(after, name)
		if n, known := after.usual(name); known {
			usual = n
		}
		subject := after.Capability + "." + name
		change := Change{Kind: OptionChange, Subject: subject, Before: valueText(after, name, a), After: valueText(after, name, b),
			More: kind.widens(a, b, usual)}
		change.Words = subject + " " + changeWords(kind, a, b, change.Before, change.After)
		c.add(change)
	}
}

// changeWords says what became of an option's value.
func changeWords(kind meaning, a, b any, before, after string) string {
	olds, ok := list(a)
	news, ok2 := list(b)
	if ok && ok2 && (kind != prefixes || len(olds) > 0 && len(news) > 0) {
		var parts []string
		if added := without(news, olds); len(added) > 0 {
			parts = append(parts, "adds "+strings.Join(added, ", "))
		}
		if gone := without(olds, news); len(gone) > 0 {
			parts = append(parts, "drops "+strings.Join(gone, ", "))
		}
		if len(parts) == 0 {
			return "in another order"
		}
		return strings.Join(parts, "; ")
	}
	return orNothing(before, kind) + " -> " + orNothing(after, kind)
}

func orNothing(text string, kind meaning) string {
	switch {
	case text != "":
		return text
	case kind == prefixes:
		return "everything"
	}
	return "not said"
}

func without(list, others []string) (out []string) {
	for _, item := range list {
		if !slices.Contains(others, item) {
			out = append(out, item)
		}
	}
	return out
}

// limits compares those that are asked for. What is not asked for is as the host has
// it, which may be any number.
func (c *comparison) limits() {
	for _, k := range limits.Kinds() {
		a, b := c.old.Limits.Of(k), c.new.Limits.Of(k)
		if a == b {
			continue
		}
		change := Change{Kind: LimitChange, Subject: k.String(), Before: limitText(k, a), After: limitText(k, b), More: a != 0 && (b == 0 || b > a)}
		change.Words = fmt.Sprintf("limit of %s %s -> %s", limitWord(k), cmp.Or(change.Before, "the host's own"), cmp.Or(change.After, "the host's own"))
		c.add(change)
	}
}

// requirements compares the other mods. A library is part of the mod, and can do what
// it can: another one is more. Mods that it needs are approved by themselves.
func (c *comparison) requirements() {
	type key struct {
		relation Relation
		id       string
	}
	old := map[key]string{}
	for _, q := range c.old.Requirements {
		old[key{q.Relation, q.ID}] = q.Range
	}
	for _, q := range c.new.Requirements {
		k := key{q.Relation, q.ID}
		was, there := old[k]
		delete(old, k)
		switch more := q.Relation == Copies; {
		case !there && (c.old.files || more):
			c.add(Change{Kind: RequireChange, Subject: q.ID, After: q.Range, More: more, Words: fmt.Sprintf("%s %s %s, which it did not", q.Relation, q.ID, q.Range)})
		case there && was != q.Range:
			c.add(Change{Kind: RequireChange, Subject: q.ID, Before: was, After: q.Range, More: more, Words: fmt.Sprintf("%s %s %s, was %s", q.Relation, q.ID, q.Range, was)})
		}
	}
	for _, q := range c.old.Requirements { // in their order
		if was, there := old[key{q.Relation, q.ID}]; there {
			c.add(Change{Kind: RequireChange, Subject: q.ID, Before: was, Words: fmt.Sprintf("no more: %s %s %s", q.Relation, q.ID, was)})
		}
	}
}

func (c *comparison) settings() {
	names := func(r *Review) (out []string) {
		for _, s := range r.Settings {
			out = append(out, s.Name)
		}
		return out
	}
	old, new := names(c.old.Review), names(c.new)
	for _, name := range without(new, old) {
		c.add(Change{Kind: SettingChange, Subject: name, After: name, Words: "new setting " + name})
	}
	for _, name := range without(old, new) {
		c.add(Change{Kind: SettingChange, Subject: name, Before: name, Words: "setting " + name + " is gone"})
	}
}

// advisories compares the warnings. One that was not there is more, also where nobody
// knows whether it was.
func (c *comparison) advisories() {
	ids := func(r *Review) (out []string) {
		for _, a := range r.Advisories {
			out = append(out, a.ID)
		}
		return out
	}
	old, new := ids(c.old.Review), ids(c.new)
	for _, id := range without(new, old) {
		c.add(Change{Kind: AdvisoryChange, Subject: id, After: id, More: true, Words: "warned of in " + id})
	}
	for _, id := range without(old, new) {
		c.add(Change{Kind: AdvisoryChange, Subject: id, Before: id, Words: id + " is about it no more"})
	}
}

// hiding are rules whose notes count here as warnings do: what they find can be the way
// to everything that the check does not see.
var hiding = []string{"dynamic-globals"}

// found is how many findings of a rule there are: of all severities, from warnings on,
// and errors.
type found struct{ all, grave, errors int }

// findings compares how many of each rule there are. More errors, or more of errors and
// warnings together, are more, whether the author justified them or not; the points of
// the score have a most, and do not tell. Where the bundle of before is not there, any
// are more.
func (c *comparison) findings() {
	count := func(r *Review) map[string]found {
		out := map[string]found{}
		for _, f := range r.Findings {
			n, times := out[f.Rule], 1+f.Omitted
			n.all += times
			if f.Severity.Compare(gate.Warning) >= 0 || slices.Contains(hiding, f.Rule) {
				n.grave += times
			}
			if f.Severity.Compare(gate.Error) >= 0 {
				n.errors += times
			}
			out[f.Rule] = n
		}
		return out
	}
	old, new := count(c.old.Review), count(c.new)
	all := maps.Clone(old)
	maps.Copy(all, new)
	for _, rule := range slices.Sorted(maps.Keys(all)) {
		a, b := old[rule], new[rule]
		more := b.grave > a.grave || b.errors > a.errors
		change := Change{Kind: FindingChange, Subject: rule, Before: strconv.Itoa(a.all), After: strconv.Itoa(b.all), More: more,
			Words: fmt.Sprintf("static check: %s %d -> %d", rule, a.all, b.all)}
		switch {
		case a == b || !c.old.files && !more:
			continue
		case !c.old.files:
			change.Before, change.Words = "", fmt.Sprintf("static check: %s %d, and how many there were is not known", rule, b.all)
		case a.errors != b.errors:
			change.Words += fmt.Sprintf(", of them errors %d -> %d", a.errors, b.errors)
		}
		c.add(change)
	}
}

func (c *comparison) files() {
	old := map[string]File{}
	for _, f := range c.old.Files {
		old[f.Path] = f
	}
	added, changed, same := 0, 0, 0
	for _, f := range c.new.Files {
		switch was, there := old[f.Path]; {
		case !there:
			added++
		case was.SHA256 != f.SHA256:
			changed++
		default:
			same++
		}
	}
	removed := len(old) - changed - same
	if added+changed+removed == 0 {
		return
	}
	c.add(Change{Kind: FilesChange, Subject: "files", Before: strconv.Itoa(len(c.old.Files)), After: strconv.Itoa(len(c.new.Files)),
		Words: fmt.Sprintf("files: %d added, %d changed, %d removed, %d as before", added, changed, removed, same)})
}

// limitText writes a limit; "" for one that was not asked for.
func limitText(k limits.Kind, n int64) string {
	switch {
	case n == 0:
		return ""
	case n == limits.Unlimited:
		return "unlimited"
	case k == limits.Time:
		return time.Duration(n).String()
	case k == limits.Memory || k == limits.Output || k == limits.String || k == limits.Source:
		return exactSize(n)
	}
	return grouped(n)
}

func limitWord(k limits.Kind) string { return strings.ReplaceAll(k.String(), "_", " ") }

// grouped writes a number with commas.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
