package mods

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Gatekeeper decides about mods before anything of them runs: with the operator's
// rules, by what is known of who signed them, and what was approved. review.Gatekeeper
// is one. It is asked by [Host.Load], [Host.Reload] and [Host.Reconsider], on their
// goroutines, for each mod and for each library in it, and may take its time.
type Gatekeeper interface {
	// Decide says what becomes of a mod. An error refuses it, as what it says.
	Decide(b *bundle.Bundle) (policy.Decision, error)
}

// DecisionError is the refusal of a mod by the rules of its operator, or because
// nobody has approved it yet.
type DecisionError struct {
	Mod      string
	Library  string // "", or the id of the library in it that is meant
	Decision policy.Decision
}

// Error says what was decided, and why.
func (e *DecisionError) Error() string {
	what := fmt.Sprintf("mod %q", e.Mod)
	if e.Library != "" {
		what += fmt.Sprintf(", its library %q", e.Library)
	}
	verb := "is not allowed"
	if e.Decision.Effect == policy.Ask {
		verb = "waits to be approved"
	}
	return fmt.Sprintf("%s %s: %s (rules: %s)", what, verb, escape(strings.Join(e.Decision.Reasons, "; ")), escape(e.Decision.Rules))
}

// decide asks for the decisions about a mod and its libraries, and about what the mod
// may have.
func (h *Host) decide(e *edition) error {
	id := e.manifest.ID
	if h.cfg.Gatekeeper == nil {
		e.decision = policy.Decide(requestOf(e), h.cfg.Policy.rules(), nil)
		return nil // which permission is refused, permit finds
	}
	decision, err := h.cfg.Gatekeeper.Decide(e.bundle)
	if err != nil {
		return err
	}
	if !decision.Runs() {
		return &DecisionError{Mod: id, Decision: decision}
	}
	for _, l := range e.libraries {
		d, err := h.cfg.Gatekeeper.Decide(l.bundle)
		if err != nil {
			return err
		}
		if !d.Runs() {
			return &DecisionError{Mod: id, Library: l.manifest.ID, Decision: d}
		}
		decision.Warnings = append(decision.Warnings, d.Warnings...)
	}
	// What the engine does not allow, no operator can grant.
	decision.Permissions = slices.Clone(decision.Permissions)
	for i := range decision.Permissions {
		p := &decision.Permissions[i]
		p.Granted = p.Granted && h.cfg.Policy.allows(p.Capability)
	}
	e.decision = decision
	return nil
}

// requestOf is what a host without a gatekeeper knows of a mod.
func requestOf(e *edition) policy.Request {
	man := e.manifest
	r := policy.Request{ID: man.ID, Version: man.Version.String(), Digest: e.bundle.Digest(), Name: man.Name, Library: man.Library, Limits: man.Limits}
	for _, p := range man.Permissions {
		r.Permissions = append(r.Permissions, policy.Permission{Capability: p.Name, Risk: string(RiskHigh), Reason: p.Reason, Optional: p.Optional, Options: p.Options})
	}
	return r
}

// rules says the policy as rules.
func (p Policy) rules() policy.Rules { return policy.AllowList{All: p.All, Capabilities: p.Allow} }

// clamp lowers counts, sizes and numbers to what a rule allows, also where the mod did
// not say them and they have a default. It returns the name of an option that cannot be
// lowered, because it is something else.
func (o Options) clamp(most map[string]int64) (wrong string) {
	for _, name := range sortedNames(most) {
		switch have := o.values[name].(type) {
		case nil:
		case int64:
			o.values[name] = min(have, most[name])
		case float64:
			o.values[name] = min(have, float64(most[name]))
		default:
			return name
		}
	}
	return ""
}

// auditDecision writes down what was decided about a mod.
func (h *Host) auditDecision(m *Mod) {
	e := m.edition
	if e == nil || e.decision.Rules == "" {
		return
	}
	d := e.decision
	var granted, refused []string
	for _, p := range d.Permissions {
		if p.Granted {
			granted = append(granted, p.Capability)
		} else {
			refused = append(refused, p.Capability)
		}
	}
	h.audit(m, auditDecided, "rules", d.Rules, "effect", d.Effect.String(), "rule", strings.Join(d.Mod.Rules, ","),
		"granted", strings.Join(granted, ","), "refused", strings.Join(refused, ","), "reasons", strings.Join(d.Reasons, "; "))
}

// Reconsider asks the gatekeeper again about each mod that is loaded, for what it knows
// now: of revoked keys, advisories, approvals. A mod that may not run any more, or that
// would be given less, is quarantined in the next Tick; one that was so and may run
// again is loaded anew. It is called after each refresh of what the gatekeeper knows,
// from any goroutine but that of a frame: it may take its time. It returns how many
// mods may not run.
//
// The errors: [ErrStopped], [ErrClosed].
func (h *Host) Reconsider() (withdrawn int, err error) {
	if h.cfg.Gatekeeper == nil {
		return 0, nil
	}
	h.mu.Lock()
	h.asked++ // what is decided from here on, is by what is known now
	mods := slices.Clone(h.mods)
	editions := map[*Mod][]*edition{}
	for _, m := range mods {
		if h.byID[m.id] == m && m.edition != nil {
			editions[m] = append(editions[m], m.edition)
		}
	}
	h.reloads = slices.DeleteFunc(h.reloads, (*reloadInput).over)
	for _, r := range h.reloads {
		if m := h.byID[r.id]; m != nil {
			editions[m] = append(editions[m], r.edition)
		}
	}
	h.mu.Unlock()
	for _, m := range mods {
		all := editions[m]
		if len(all) == 0 {
			continue
		}
		action, reason := "readmit", ""
		for _, e := range all { // that which runs, and those that are to take its place
			if reason = h.objection(e); reason != "" {
				action = "withdraw"
				withdrawn++
				break
			}
		}
		if err := h.control(m.id, action, reason); err != nil && h.Mod(m.id) != nil {
			return withdrawn, err
		}
	}
	return withdrawn, nil
}

// objection says why an edition may not run any more, "" if it may.
func (h *Host) objection(was *edition) string {
	now := &edition{bundle: was.bundle, manifest: was.manifest, libraries: was.libraries}
	if err := h.decide(now); err != nil {
		return firstLine(err.Error())
	}
	granted := now.decision.Granted()
	for _, c := range was.choices {
		g, still := granted[c.permission.Name]
		if !still {
			return fmt.Sprintf("the capability %q is not granted any more", c.permission.Name)
		}
		for name, most := range g.Ruling.Options {
			if c.options.Int(name) > most || c.options.Number(name) > float64(most) {
				return fmt.Sprintf("the capability %q is granted with less now (%s)", c.permission.Name, name)
			}
		}
	}
	if limits := h.limitsFor(now.decision.Limits); limits != was.limits {
		if was.limits.Tighten(limits) != was.limits {
			return "its limits are lower now"
		}
	}
	return ""
}

// decisionOf returns what was decided about an edition that is refused.
func decisionOf(e *edition, err error) policy.Decision {
	if d, ok := errors.AsType[*DecisionError](err); ok {
		return d.Decision
	}
	return e.decision
}
