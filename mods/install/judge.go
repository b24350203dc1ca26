package install

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/policy/cedar"
	"github.com/luasandbox/modrunner/mods/review"
	"github.com/luasandbox/modrunner/mods/trust"
)

// judge is all by which bundles are judged, as it was at one moment.
type judge struct {
	state       *State
	facts       review.Input // of any bundle
	rules       policy.Rules
	environment string
	interactive bool
}

// judge reads what the operator wrote. Without a policy of theirs, [cedar.Default]
// holds; without a trust store, nobody is trusted.
func (h *Home) judge(state *State) (*judge, error) {
	f, err := h.folderIfThere()
	if err != nil {
		return nil, err
	}
	defer f.close()
	j := &judge{state: state, rules: cedar.Default(), environment: h.opts.Environment, interactive: h.opts.Interactive}
	if j.facts, err = h.facts(f, state); err != nil {
		return nil, err
	}
	if h.opts.Rules != nil {
		j.rules = h.opts.Rules
		return j, nil
	}
	file, data, err := f.readOperators(h.opts.PolicyFile, policyName)
	if err != nil {
		return nil, err
	}
	if file == "" {
		return j, nil
	}
	rules, err := cedar.Parse(file, data)
	if err != nil {
		return nil, err
	}
	j.rules = rules
	return j, nil
}

// Facts returns what is known about any bundle, for who reviews one by themselves: whom
// the operator trusts, but for the keys that the catalogue revoked; the published
// warnings, the operator's and the catalogue's; what was stopped; what the game offers;
// and the time. Which bundle it is, and what was said of it, is not set. The policy is
// not read.
//
// The errors: those of [Home.State], and of the files of the operator.
func (h *Home) Facts(ctx context.Context) (review.Input, error) {
	s, err := h.State(ctx)
	if err != nil {
		return review.Input{}, err
	}
	f, err := h.folderIfThere()
	if err != nil {
		return review.Input{}, err
	}
	defer f.close()
	return h.facts(f, s)
}

// facts is Facts as of that state. The folder is nil if there is none.
func (h *Home) facts(f *folder, state *State) (review.Input, error) {
	in := review.Input{API: h.opts.API, At: h.now(), KnownSigners: state.approvals.signers}
	file, data, err := f.readOperators(h.opts.TrustFile, trustName)
	if err == nil && file != "" {
		in.Trust, err = trust.Parse(file, data)
	}
	if err != nil {
		return in, err
	}
	if in.Freezes, err = advisory.ParseFreezes(h.name(freezesName), state.freezes); err != nil {
		return in, err
	}
	if in.Advisories, err = f.readAdvisories(); err != nil {
		return in, err
	}
	feed, err := parseFeed(h.name(feedName), state.feed)
	if err != nil {
		return in, err
	}
	for _, a := range feed.Advisories {
		in.Advisories.AddFrom("catalogue", a.ID+" of the catalogue", []byte(a.Text))
	}
	in.Trust, err = in.Trust.Merge(feed.revocations())
	return in, err
}

// readAdvisories reads the published warnings in the home.
func (f *folder) readAdvisories() (*advisory.Database, error) {
	if f == nil {
		return &advisory.Database{}, nil
	}
	if err := f.checkFolder(advisoriesDir); errors.Is(err, fs.ErrNotExist) {
		return &advisory.Database{}, nil
	} else if err != nil {
		return nil, err
	}
	root, err := f.root.OpenRoot(advisoriesDir)
	if err != nil {
		return nil, f.failed(advisoriesDir, err)
	}
	defer root.Close()
	return advisory.ReadFolder(root)
}

// verdict is what is known of a bundle, and what becomes of it.
type verdict struct {
	review   *review.Review
	decision policy.Decision
	// before is the approval of another version of the mod that it is compared with; nil
	// if there is none.
	before *Entry
	// follows says that it asks for no more than before, which a person approved: that
	// is why it may run, with the grants that it had.
	follows bool
}

// input is what is known of any bundle.
func (j *judge) input(b *bundle.Bundle) review.Input {
	in := j.facts
	in.Bundle = b
	return in
}

// signers returns the keys that had signed a digest when something was said of it.
func (a *Approvals) signers(digest string) (keys []string) {
	for _, e := range a.History {
		if e.Digest == digest {
			keys = append(keys, e.Keys...)
		}
	}
	return keys
}

// judge says what becomes of a bundle.
func (j *judge) judge(b *bundle.Bundle, id string, others []*review.Review) (verdict, error) {
	in := j.input(b)
	in.Others = others
	v := verdict{before: j.state.approvals.LastApproved(id, b.Digest())}
	if v.before != nil {
		in.Approved = &v.before.Approval
		if old, err := j.state.Bundle(v.before.Digest); err == nil { // without it, less can be said
			in.ApprovedBundle = old
		}
	}
	var err error
	if v.review, err = review.Of(in); err != nil {
		return v, err
	}
	request := v.request(j, in)
	last := j.state.approvals.Last(b.Digest())
	v.decision = decide(request, j.rules, last)
	if v.decision.Effect == policy.Ask && last == nil && j.carries(v, request) {
		carried := v.before.carriedTo(request)
		if d := policy.Decide(request, j.rules, &carried); d.Runs() {
			v.decision, v.follows = d, true
		}
	}
	return v, nil
}

// request is what is decided about. What is optional, was asked for in the same way
// before, and was not granted then, is nothing more than what was asked for before.
func (v verdict) request(j *judge, in review.Input) policy.Request {
	request := v.review.Request(j.environment, j.interactive)
	if request.Update == nil || !request.Update.More || in.ApprovedBundle == nil {
		return request
	}
	old, err := review.Of(j.input(in.ApprovedBundle))
	if err != nil {
		return request
	}
	request.Update.More = slices.ContainsFunc(v.review.Since.Changes, func(c review.Change) bool {
		return c.More && !(c.Kind == review.PermissionChange && leftOut(c.Subject, v.before, old, v.review))
	})
	return request
}

// decide is policy.Decide with the last word on the bundle. What rules allowed once is
// no answer where they ask now.
func decide(request policy.Request, rules policy.Rules, last *Entry) policy.Decision {
	if last == nil {
		return policy.Decide(request, rules, nil)
	}
	d := policy.Decide(request, rules, &last.Approval)
	if d.Approved && !last.byPerson() {
		return policy.Decide(request, rules, nil)
	}
	return d
}

// byPerson reports whether a person said it, or approved what it follows from.
func (e *Entry) byPerson() bool { return e.By != byPolicy || e.Follows != "" }

// carriedTo is the approval of an update that asks for no more: the capabilities are
// those that were granted, and what is said of each is surely no more than it was.
func (e *Entry) carriedTo(r policy.Request) policy.Approval {
	a := e.Approval
	a.ID, a.Version, a.Digest = r.ID, r.Version, r.Digest
	a.By, a.Publisher, a.Keys, a.Risk, a.Grants = byPolicy, r.Publisher, r.Keys, r.Risk, []policy.Grant{}
	for _, p := range r.Permissions {
		if slices.ContainsFunc(e.Grants, func(g policy.Grant) bool { return g.Capability == p.Capability }) {
			a.Grants = append(a.Grants, policy.Grant{Capability: p.Capability, Options: p.Options})
		}
	}
	return a
}

// carries reports whether the approval of the version before is one for this version
// too: a person gave it, and has not taken back anything of this mod since; the same
// publisher signed both, whom the operator trusts; and it is a newer version that asks
// for no more and is no riskier.
func (j *judge) carries(v verdict, r policy.Request) bool {
	u := r.Update
	return v.before != nil && u != nil && v.before.byPerson() && r.Signature == policy.Trusted &&
		!u.More && !u.SignerChanged && !u.RiskRaised && !u.Downgrade && u.FromVersion != r.Version &&
		!j.state.approvals.refusedSince(v.before)
}

// leftOut reports whether a capability is optional and asked for as it was before, when
// it was not granted.
func leftOut(capability string, before *Entry, old, new *review.Review) bool {
	find := func(r *review.Review) *review.Permission {
		i := slices.IndexFunc(r.Permissions, func(p review.Permission) bool { return p.Capability == capability })
		if i < 0 {
			return nil
		}
		return &r.Permissions[i]
	}
	was, is := find(old), find(new)
	granted := slices.ContainsFunc(before.Grants, func(g policy.Grant) bool { return g.Capability == capability })
	return was != nil && is != nil && was.Optional && is.Optional && !granted && policy.SameOptions(was.Options, is.Options)
}

// refusedSince reports whether any version of the mod was denied or revoked after e.
func (a *Approvals) refusedSince(e *Entry) bool {
	return slices.ContainsFunc(a.History, func(x Entry) bool {
		return x.ID == e.ID && x.Verdict != policy.Approved && x.Sequence >= e.Sequence && x.Digest != e.Digest
	})
}
