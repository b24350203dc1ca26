package install

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/mods/lockfile"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
)

// UnknownError is a mod, or a bundle, of which the home knows nothing.
type UnknownError struct {
	Name string // as it was named: an id or a digest
	Want string
}

// Error says what would be right.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("%s: there is no such mod here; want %s", e.Name, e.Want)
}

// Review makes a plan of one item: the bundle that waits, or was denied or revoked,
// under that id or digest, or else is installed. It is what [Home.Approve] is about.
//
// The errors: those of [Home.State]; [*UnknownError].
func (h *Home) Review(ctx context.Context, name string) (*Item, error) {
	var item *Item
	err := h.look(ctx, func(s *State) (err error) {
		_, item, err = h.find(s, name)
		return err
	})
	return item, err
}

// find finds the bundle that is meant by an id or a digest.
func (h *Home) find(s *State, name string) (*judge, *Item, error) {
	digest := s.Find(name)
	if digest == "" {
		return nil, nil, &UnknownError{name, "the id or the digest of one that \"modrunner list\" shows"}
	}
	j, err := h.judge(s)
	if err != nil {
		return nil, nil, err
	}
	// Whoever says something about a mod is there to be asked.
	j.interactive = true
	b, err := s.Bundle(digest)
	if err != nil {
		return nil, nil, err
	}
	man, err := manifest.Parse(name, b.Manifest())
	if err != nil {
		return nil, nil, err
	}
	v, err := j.judge(b, man.ID, nil)
	if err != nil {
		return nil, nil, err
	}
	return j, &Item{Review: v.review, Decision: v.decision, From: s.origin(digest), Before: v.before, Follows: v.follows,
		bundle: b, last: s.approvals.Last(digest)}, nil
}

// Find returns the digest of the bundle that is meant by an id or a digest: the one that
// waits, or was denied or revoked, or else is installed; "" if there is none.
func (s *State) Find(name string) string {
	known := s.Bundles()
	for _, digest := range known {
		short, _ := bundleName(digest)
		if name == digest || name == strings.TrimSuffix(short, ".zip") {
			return digest
		}
	}
	// What was requested comes before what only others need.
	for _, requested := range []bool{true, false} {
		for _, w := range s.approvals.Waiting {
			if w.ID == name && w.Requested == requested {
				return w.Digest
			}
		}
	}
	for _, m := range s.mods {
		if m.ID == name {
			return m.Digest
		}
		for _, l := range m.Libraries {
			if l.ID == name {
				return l.Digest
			}
		}
	}
	return ""
}

// Approve records a person's yes to the bundle that they were shown, and installs it if
// nothing that it needs waits any more. With it come mods that waited for it.
//
// The errors: [*ChangedError] if another bundle, or something else about it, is to be
// decided now; [*RefusedError] if the policy denies it; [*AnswerError]; those of
// [Home.Review], and of a change, as of [Home.Apply].
func (h *Home) Approve(ctx context.Context, item *Item, answer Answer) (*Result, error) {
	var out *Result
	err := h.change(ctx, func(t *transaction) error {
		j, now, err := h.find(t.state, item.Review.Digest)
		if err != nil {
			return err
		}
		if !sameQuestion(item, now) {
			return &ChangedError{item.Review.ID}
		}
		ok, err := t.approve(j, now, answer)
		if err != nil {
			return err
		}
		t.recordDecision(now, j)
		if !ok {
			t.refused = &RefusedError{[]*Item{now}}
			return nil
		}
		t.regrant(now)
		out, err = t.settle(ctx, h)
		return err
	})
	return out, err
}

// regrant writes into the lock what an installed mod is granted now.
func (t *transaction) regrant(i *Item) {
	for n := range t.mods {
		if m := &t.mods[n]; m.Digest == i.Review.Digest {
			approved(m, i)
		}
	}
}

// Deny records a person's no to a bundle that waits or is installed. What is installed
// goes, and so does what needs it; it stays in the home, and can be approved again.
//
// The errors are those of [Home.Review], and of a change, as of [Home.Apply].
func (h *Home) Deny(ctx context.Context, name, note string) (*Result, error) {
	return h.refuse(ctx, name, note, policy.Denied)
}

// Revoke is [Home.Deny] for what was approved before: the approval is taken back. The
// error is an [*UnknownError] if it was not approved.
func (h *Home) Revoke(ctx context.Context, name, note string) (*Result, error) {
	return h.refuse(ctx, name, note, policy.Withdrawn)
}

func (h *Home) refuse(ctx context.Context, name, note string, verdict policy.Verdict) (*Result, error) {
	out := &Result{}
	err := h.change(ctx, func(t *transaction) error {
		digest := t.state.Find(name)
		if verdict == policy.Withdrawn {
			// An update of it that waits was not approved.
			if i := slices.IndexFunc(t.mods, func(m lockfile.Mod) bool { return m.ID == name }); i >= 0 {
				digest = t.mods[i].Digest
			}
			if last := t.approvals.Last(digest); last == nil || last.Verdict != policy.Approved {
				return &UnknownError{name, "one that was approved; to say no to one that waits: modrunner deny"}
			}
		}
		if digest == "" {
			return &UnknownError{name, "the id or the digest of one that \"modrunner list\" shows"}
		}
		a := policy.Approval{Digest: digest, Verdict: verdict, Note: note, Grants: []policy.Grant{}}
		var err error
		if a.ID, a.Version, err = t.nameOf(digest); err != nil {
			return err
		}
		if last := t.approvals.Last(digest); last != nil {
			a.Publisher, a.Keys, a.Risk = last.Publisher, last.Keys, last.Risk
		}
		if !t.say(a, h.opts.By, "") {
			return errFull
		}
		out.Gone, err = t.park(digest, fmt.Sprintf("needs %s %s, which was %s", a.ID, a.Version, verdict))
		return err
	})
	return out, err
}

// nameOf returns the id and the version of a bundle of the home.
func (t *transaction) nameOf(digest string) (id, version string, err error) {
	for _, w := range t.approvals.Waiting {
		if w.Digest == digest {
			return w.ID, w.Version, nil
		}
	}
	for _, m := range t.mods {
		if m.Digest == digest {
			return m.ID, m.Version, nil
		}
		for _, l := range m.Libraries {
			if l.Digest == digest {
				return l.ID, l.Version, nil
			}
		}
	}
	return "", "", &UnknownError{digest, "one that \"modrunner list\" shows"}
}

// park takes an installed bundle, and the mods that need it, out of the lock: they wait.
// It returns the ids of the mods that are not installed any more.
func (t *transaction) park(digest, why string) (gone []string, err error) {
	out := map[string]bool{} // ids of mods
	for _, m := range t.mods {
		if m.Digest == digest || slices.ContainsFunc(m.Libraries, func(l lockfile.Library) bool { return l.Digest == digest }) {
			out[m.ID] = true
		}
	}
	for again := true; again; { // as far as the longest chain of mods that need each other
		again = false
		for _, m := range t.mods {
			if !out[m.ID] && dependsOn(m, out) {
				out[m.ID], again = true, true
			}
		}
	}
	stays := t.mods[:0:0]
	for _, m := range t.mods {
		if !out[m.ID] {
			stays = append(stays, m)
			continue
		}
		gone = append(gone, m.ID)
		for _, b := range append([]lockfile.Library{{ID: m.ID, Version: m.Version, Digest: m.Digest, Source: m.Source}}, m.Libraries...) {
			w := Waiting{Sequence: t.sequence, ID: b.ID, Version: b.Version, Digest: b.Digest, At: t.at, By: t.home.opts.By, From: origin(b.Source), Reasons: []string{why}}
			if b.Digest == m.Digest && m.Asked {
				w.Requested, w.Range = true, m.Range
			}
			t.approvals.wait(w)
		}
		t.record("uninstall", m.ID, m.Version, m.Digest, "reason", why)
	}
	t.mods = stays
	return gone, nil
}

// settle installs what waited and may run now, with all that it needs.
func (t *transaction) settle(ctx context.Context, h *Home) (*Result, error) {
	out := &Result{}
	for { // each time one less waits
		more, err := t.settleOne(ctx, h, out)
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	for _, w := range t.approvals.Waiting {
		if _, item, err := h.find(t.asState(), w.Digest); err == nil {
			out.Waiting = append(out.Waiting, item)
		}
	}
	return out, nil
}

// asState is the state as this change would leave it now.
func (t *transaction) asState() *State {
	s := *t.state
	s.approvals, s.mods = t.approvals, t.mods
	return &s
}

// settleOne installs the first of the mods that were requested for which that can be
// done. It reports false if there is none.
func (t *transaction) settleOne(ctx context.Context, h *Home, out *Result) (bool, error) {
	now := t.asState()
	j, err := h.judge(now)
	if err != nil {
		return false, err
	}
	for _, w := range t.approvals.Waiting {
		if !w.Requested || !t.approvals.mayCome(w) {
			continue
		}
		b, err := now.Bundle(w.Digest)
		if err != nil {
			return false, err
		}
		at, err := manifest.ParseRange(w.Range)
		if err != nil {
			return false, err
		}
		sources := []Source{{Name: w.ID, Bundle: b, from: w.From}}
		sh, err := newShelf(ctx, now, sources, nil, t.approvals.mayCome)
		if err != nil {
			return false, err
		}
		p, err := j.planFrom(Request{Sources: sources, AllowDowngrade: true, keep: map[string]string{w.ID: at.Text}}, sh)
		if err != nil { // what it needs is not there; it goes on waiting
			continue
		}
		if slices.ContainsFunc(p.Items, func(i *Item) bool { return !i.Decision.Runs() }) {
			continue
		}
		for _, i := range p.Items {
			if i.last == nil && !t.allow(i) {
				return false, errFull
			}
		}
		t.install(p)
		t.approvals.unwait(w.Digest) // also a library that nothing needs: it came, and is nowhere
		out.Installed, out.Gone = append(out.Installed, p.Items...), append(out.Gone, p.Gone...)
		t.tidyWaiting()
		return true, nil
	}
	return false, nil
}

// Uninstall removes mods, and what only they need; of mods that wait, the bundle.
//
// The errors: [*UnknownError]; [*NeededError]; those of a change, as of [Home.Apply].
func (h *Home) Uninstall(ctx context.Context, names ...string) (*Result, error) {
	out := &Result{}
	err := h.change(ctx, func(t *transaction) error {
		var remove []string
		for _, name := range names {
			found := false
			for _, w := range slices.Clone(t.approvals.Waiting) {
				short, _ := bundleName(w.Digest)
				if w.ID == name || w.Digest == name || strings.TrimSuffix(short, ".zip") == name {
					found = true
					t.approvals.unwait(w.Digest)
					t.record("uninstall", w.ID, w.Version, w.Digest, "reason", "it was waiting")
				}
			}
			for _, m := range t.mods {
				if m.ID == name || m.Digest == name {
					found = true
					remove = append(remove, m.ID)
				}
			}
			if !found {
				return &UnknownError{name, "the id of one that \"modrunner list\" shows"}
			}
		}
		if len(remove) == 0 {
			return nil
		}
		now := t.asState()
		j, err := h.judge(now)
		if err != nil {
			return err
		}
		p, err := j.plan(ctx, Request{Remove: remove}, nil)
		if err != nil {
			return err
		}
		t.install(p)
		out.Gone = p.Gone
		return nil
	})
	return out, err
}
