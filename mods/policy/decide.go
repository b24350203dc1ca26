package policy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/luasandbox/modrunner/limits"
)

// Effect is what a rule says. The strictest of all that apply holds.
type Effect int

// The effects, the strictest last. The zero Effect is none of them, and denies.
const (
	Allow Effect = iota + 1
	Clamp        // allow, with less than is asked for
	Ask          // a person decides
	Deny
)

// String returns the word for it.
func (e Effect) String() string {
	switch e {
	case Allow:
		return "allow"
	case Clamp:
		return "clamp"
	case Ask:
		return "ask"
	}
	return "deny"
}

// strictness orders effects; what is no effect denies.
func (e Effect) strictness() Effect {
	if e < Allow || e > Deny {
		return Deny
	}
	return e
}

// Stricter returns the stricter one of two effects.
func Stricter(a, b Effect) Effect { return max(a.strictness(), b.strictness()) }

// Ruling is what the rules say of the mod as a whole, or of one permission.
type Ruling struct {
	Capability string // "": the mod as a whole
	Effect     Effect
	Rules      []string // ids of the rules that decided, in the order of the file
	Message    string   // of the first of them that has one
	// Limits, of the mod as a whole, are the most that it gets; a zero field is not
	// clamped.
	Limits limits.Limits
	// Options, of a permission, are the most that its numbers and sizes may be.
	Options map[string]int64
}

// Rules judge requests. They have no state that a request could change.
type Rules interface {
	// Judge returns what the rules say of the mod as a whole, and of each of its
	// permissions, in their order. What goes wrong in judging denies.
	Judge(Request) (mod Ruling, permissions []Ruling)
	// Name says which rules these are, for records: a file and its hash, or a word.
	Name() string
}

// Decision is what becomes of a mod.
type Decision struct {
	Effect  Effect   // Allow or Clamp: it may run; Ask: it waits for a person; Deny
	Reasons []string // why it may not, in words, the gravest first
	// Warnings are what is known against it, though it may run.
	Warnings []string
	Mod      Ruling // of the mod as a whole
	// Permissions are those asked for, in the order of the request.
	Permissions []PermissionDecision
	// Limits are the most that it gets; a zero field is as the host has it.
	Limits   limits.Limits
	Rules    string // the name of the rules
	Approved bool   // an approval was needed, and there
}

// PermissionDecision is what becomes of one request for a capability.
type PermissionDecision struct {
	Permission
	Ruling  Ruling
	Granted bool
	// Options are those of the request, with what was clamped. Ruling.Options also bound
	// what the request does not say and the capability has a default for: who grants
	// gives all the values, with the defaults, to [ClampOptions].
	Options map[string]any
}

// Granted returns what the mod gets, by capability.
func (d Decision) Granted() map[string]PermissionDecision {
	granted := map[string]PermissionDecision{}
	for _, p := range d.Permissions {
		if p.Granted && d.Runs() {
			granted[p.Capability] = p
		}
	}
	return granted
}

// Runs reports whether the mod may run.
func (d Decision) Runs() bool { return d.Effect == Allow || d.Effect == Clamp }

// Decide is the one decision: what becomes of a mod under rules, given what was
// approved of it. Nil rules are the zero [AllowList], which grants nothing; a nil
// approval is none.
//
// A freeze, and an approval that says no, deny whatever the rules say. An approval
// that says yes, and is of these very bytes, stands for a person's answer where the
// rules ask; it never overrules a rule that denies, and never grants what is not in
// it. Signatures are no part of the digest: if a publisher had signed what was approved,
// and that publisher's signature does not count now, or is not there, the approval is no
// answer any more, and only bounds what the rules allow by themselves. A permission that
// is denied, or asked for and not approved, refuses the mod, unless the mod can do
// without it: then it is not granted.
func Decide(r Request, rules Rules, approval *Approval) Decision {
	if rules == nil {
		rules = AllowList{}
	}
	mod, rulings := rules.Judge(r)
	d := Decision{Effect: Allow, Mod: mod, Rules: rules.Name()}
	if approval != nil && (approval.Digest != r.Digest || approval.ID != r.ID || r.Digest == "") {
		approval = nil
	}
	bound := approval != nil && approval.Verdict == Approved
	said := bound && (approval.Publisher == "" || approval.Publisher == r.Publisher)
	for _, a := range r.Advisories {
		d.Warnings = append(d.Warnings, fmt.Sprintf("advisory %s (%s)", a.ID, a.Severity))
	}
	for _, why := range r.Freezes {
		d.refuse(Deny, "frozen: "+why)
	}
	if bound && !said {
		d.Warnings = append(d.Warnings, fmt.Sprintf("it was approved as signed by %q, and now its signature is: %s", approval.Publisher, r.Signature))
	}
	if approval != nil && !bound {
		d.refuse(Deny, fmt.Sprintf("%s %s by %s", approval.Verdict, r.ID, approval.By))
	}
	if !fit(rulings, r.Permissions) {
		d.refuse(Deny, "the rules did not judge each permission once")
		return d
	}
	d.whole(mod, said)
	d.Limits = tightest(r.Limits, mod.Limits)
	if bound {
		d.Limits = tightest(d.Limits, approval.Limits)
	}
	if err := d.Limits.Validate(); err != nil {
		d.refuse(Deny, err.Error())
	}
	if !bound {
		approval = nil // nothing was granted, and all is refused already
	}
	for i, p := range r.Permissions {
		d.permit(p, rulings[i], approval, said)
	}
	return d
}

// fit reports whether there is one ruling for each permission, and one permission for
// each capability.
func fit(rulings []Ruling, permissions []Permission) bool {
	if len(rulings) != len(permissions) {
		return false
	}
	seen := make(map[string]bool, len(permissions))
	for i, p := range permissions {
		if rulings[i].Capability != p.Capability || seen[p.Capability] {
			return false
		}
		seen[p.Capability] = true
	}
	return true
}

// whole takes what the rules say of the mod as a whole.
func (d *Decision) whole(mod Ruling, said bool) {
	switch mod.Effect.strictness() {
	case Deny:
		d.refuse(Deny, cmp.Or(mod.Message, "the policy does not allow this mod"))
	case Ask:
		if d.Approved = said; !said {
			d.refuse(Ask, cmp.Or(mod.Message, "the policy wants this mod to be approved"))
		}
	case Clamp:
		d.Effect = Stricter(d.Effect, Clamp)
	}
	if mod.Limits != (limits.Limits{}) {
		d.Effect = Stricter(d.Effect, Clamp)
	}
}

// permit decides about one permission. What was approved, if anything was, is exact: it
// also bounds what the rules alone would allow; said tells whether it answers them.
func (d *Decision) permit(p Permission, ruling Ruling, approval *Approval, said bool) {
	clamped, err := ClampOptions(p.Options, ruling.Options)
	if err != nil {
		ruling.Effect, ruling.Message = Deny, err.Error()
	}
	out := PermissionDecision{Permission: p, Ruling: ruling, Options: p.Options}
	effect := ruling.Effect.strictness()
	granted := (effect < Ask || said && effect == Ask) && (approval == nil || approval.grants(p))
	if effect == Ask && granted {
		d.Approved = true
	}
	out.Granted = granted
	if granted && len(ruling.Options) > 0 {
		out.Options = clamped
		d.Effect = Stricter(d.Effect, Clamp)
	}
	d.Permissions = append(d.Permissions, out)
	if granted || p.Optional {
		return
	}
	message := cmp.Or(ruling.Message, "the policy does not allow it")
	switch {
	case effect == Deny:
		d.refuse(Deny, fmt.Sprintf("the capability %q: %s", p.Capability, message))
	case approval != nil && (said || effect < Ask):
		d.refuse(Deny, fmt.Sprintf("the capability %q was not approved, and the mod cannot do without", p.Capability))
	default:
		d.refuse(Ask, fmt.Sprintf("the capability %q: %s", p.Capability, cmp.Or(ruling.Message, "the policy wants it to be approved")))
	}
}

// refuse notes why the mod does not run.
func (d *Decision) refuse(effect Effect, why string) {
	if effect > d.Effect {
		d.Reasons = slices.Insert(d.Reasons, 0, why)
	} else {
		d.Reasons = append(d.Reasons, why)
	}
	d.Effect = Stricter(d.Effect, effect)
}

// grants reports whether a was given for just this permission.
func (a *Approval) grants(p Permission) bool {
	return slices.ContainsFunc(a.Grants, func(g Grant) bool {
		return g.Capability == p.Capability && SameOptions(g.Options, p.Options)
	})
}

// tightest returns, field by field, the smaller of two limits, where zero is none.
func tightest(a, b limits.Limits) limits.Limits {
	for _, k := range limits.Kinds() {
		x, y := a.Of(k), b.Of(k)
		if x == 0 || y != 0 && y < x {
			a = a.With(k, y)
		}
	}
	return a
}
