package install

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/lockfile"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Answer is what a person says about an item that asks for it.
type Answer struct {
	Approve bool
	Without []string // capabilities that are not granted; the mod has to be able to do without
	Note    string   // why, for the record; may be empty
}

// Result is what became of a plan.
type Result struct {
	// Installed are the items that are installed now, Waiting those that wait to be
	// approved, or for others that do.
	Installed, Waiting []*Item
	Gone               []string // ids
}

// RefusedError is a plan of which nothing was done, because items may not be installed.
type RefusedError struct{ Items []*Item }

// Error says which, and why.
func (e *RefusedError) Error() string {
	var all []string
	for _, i := range e.Items {
		all = append(all, fmt.Sprintf("%s %s: %s", i.Review.ID, i.Review.Version, strings.Join(i.Decision.Reasons, "; ")))
	}
	return "refused: " + strings.Join(all, "; ")
}

// ResignedError is an installed bundle with other signatures, about which a person has
// to be asked, and nobody was. Nothing was done.
type ResignedError struct{ ID, Version, Publisher string }

// Error says what would be right.
func (e *ResignedError) Error() string {
	return fmt.Sprintf("%s %s is installed, and this one is signed by %q: install it where somebody can say yes, or uninstall the other first", e.ID, e.Version, e.Publisher)
}

// ChangedError tells that others changed the home after the plan was made, in a way that
// matters to what a person was asked. Nothing was done: make a new plan.
type ChangedError struct{ ID string }

// Error says what to do.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("what is known of %s changed while you were asked; look again", e.ID)
}

// AnswerError is an answer that cannot be taken.
type AnswerError struct {
	ID         string
	Capability string // that the answer is about; may be empty
	What       string
}

// Error says what would be right.
func (e *AnswerError) Error() string { return fmt.Sprintf("%s: %s", e.ID, e.What) }

// Apply does what a plan says, in one step: all of it, or nothing. Items that ask for a
// person wait, unless there is an answer for their digest. If any item waits, so do all:
// what is installed stays as it is until the last of them is approved.
//
// If others changed the home since, the plan is made anew, and what people answered
// counts if what they were asked is the same.
//
// The errors: [*RefusedError], if any item may not be installed, or a person says no;
// what is said is on record then; [*ChangedError]; [*AnswerError]; [*BusyError];
// [*ResignedError]; [*FileError]; [*UnfinishedError]; those of [Home.Plan].
func (h *Home) Apply(ctx context.Context, p *Plan, answers map[string]Answer) (*Result, error) {
	var out *Result
	err := h.change(ctx, func(t *transaction) error {
		now, err := h.again(ctx, t, p, answers)
		if err != nil {
			return err
		}
		out, err = t.apply(now, answers)
		return err
	})
	return out, err
}

// again returns the plan as it is now that nobody else changes the home.
func (h *Home) again(ctx context.Context, t *transaction, p *Plan, answers map[string]Answer) (*Plan, error) {
	j, err := h.judge(t.state)
	if err != nil {
		return nil, err
	}
	now, err := j.plan(ctx, p.request, p.shelf)
	if err != nil {
		return nil, err
	}
	for digest := range answers {
		at := func(i *Item) bool { return i.Review.Digest == digest }
		a, b := slices.IndexFunc(p.Items, at), slices.IndexFunc(now.Items, at)
		switch {
		case a < 0:
			return nil, &AnswerError{ID: digest, What: "there was no question about it"}
		case b < 0 || !sameQuestion(p.Items[a], now.Items[b]):
			return nil, &ChangedError{p.Items[a].Review.ID}
		}
	}
	return now, nil
}

// sameQuestion reports whether a person who decided about a knows all of b.
func sameQuestion(a, b *Item) bool {
	return reflect.DeepEqual(a.Review, b.Review) && reflect.DeepEqual(a.Decision, b.Decision)
}

// transaction is a change of the home that is being made.
type transaction struct {
	home      *Home
	state     *State // before
	approvals *Approvals
	mods      []lockfile.Mod
	freezes   []byte // freezes.toml, if it changes
	feed      []byte // feed.json, if it changes
	archives  map[string][]byte
	records   []record
	sequence  uint64
	at        time.Time
	refused   error // that the change is to be recorded for, and nothing else of it
	changed   bool
}

// change makes one change of the home, with nobody else at it.
func (h *Home) change(ctx context.Context, make func(t *transaction) error) (err error) {
	f, err := h.folder(true)
	if err != nil {
		return err
	}
	defer f.close()
	held, err := f.lock(ctx, h.opts.Wait)
	if err != nil {
		return err
	}
	defer func() {
		if e := held.Close(); e != nil {
			err = errors.Join(err, e)
		}
	}()
	state, err := f.readState(ctx)
	if err != nil {
		return err
	}
	t := &transaction{home: h, state: state, approvals: state.approvals.clone(), mods: slices.Clone(state.installed()),
		archives: map[string][]byte{}, sequence: state.sequence + 1, at: h.now()}
	if err := make(t); err != nil {
		return err
	}
	if !t.changed {
		return t.refused
	}
	if err := t.commit(f); err != nil {
		return err
	}
	return t.refused
}

// commit writes the change.
func (t *transaction) commit(f *folder) error {
	t.approvals.Sequence = t.sequence
	t.tidyWaiting()
	approvals, err := t.approvals.encode()
	if err != nil {
		return err
	}
	if _, err := ParseApprovals(f.name(approvalsName), approvals); err != nil {
		return err // what could not be read again must not be written
	}
	lock, err := encodeLock(t.mods)
	if err != nil {
		return err
	}
	j := &journal{Format: journalFormat, Sequence: t.sequence, Records: t.records}
	j.add(modsLockName, lock)
	if t.freezes != nil {
		j.add(freezesName, t.freezes)
	}
	if t.feed != nil {
		j.add(feedName, t.feed)
	}
	j.add(approvalsName, approvals)
	after := &State{approvals: t.approvals, mods: t.mods}
	keep := after.Bundles()
	for digest := range t.archives {
		if !slices.Contains(keep, digest) {
			delete(t.archives, digest)
		}
	}
	for _, digest := range t.state.Bundles() {
		if !slices.Contains(keep, digest) {
			j.Remove = append(j.Remove, digest)
		}
	}
	return f.commit(j, t.archives)
}

// record tells the audit log of something.
func (t *transaction) record(kind, id, version, digest string, attrs ...string) {
	r := record{Kind: kind, Mod: id, Version: version, Digest: digest, At: t.at, Attrs: [][2]string{{"by", t.home.opts.By}}}
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			r.Attrs = append(r.Attrs, [2]string{attrs[i], attrs[i+1]})
		}
	}
	t.records, t.changed = append(t.records, r), true
}

// recordDecision tells the audit log what was decided about an item, by which rules.
func (t *transaction) recordDecision(i *Item, j *judge) {
	var granted, refused []string
	var rules []string
	rules = append(rules, i.Decision.Mod.Rules...)
	for _, p := range i.Decision.Permissions {
		if p.Granted {
			granted = append(granted, p.Capability)
		} else {
			refused = append(refused, p.Capability)
		}
		rules = append(rules, p.Ruling.Rules...)
	}
	slices.Sort(rules)
	t.record("decision", i.Review.ID, i.Review.Version, i.Review.Digest,
		"effect", i.Decision.Effect.String(), "rules", i.Decision.Rules, "decided", strings.Join(slices.Compact(rules), " "),
		"reasons", strings.Join(i.Decision.Reasons, "; "), "granted", strings.Join(granted, " "), "refused", strings.Join(refused, " "),
		"environment", j.environment, "interactive", strconv.FormatBool(j.interactive),
		"signature", string(i.Review.Signature), "publisher", i.Review.Publisher, "risk", strconv.Itoa(i.Review.Risk().Score))
}

// apply does what a plan says. The answers are of its items.
func (t *transaction) apply(p *Plan, answers map[string]Answer) (*Result, error) {
	for _, i := range p.Items {
		t.recordDecision(i, p.judge)
	}
	denied := p.Denied()
	for _, i := range p.Items {
		answer, there := answers[i.Review.Digest]
		if !there || !i.Asks() && len(i.Undecided()) == 0 || slices.Contains(denied, i) { // nobody was asked
			continue
		}
		if !answer.Approve {
			denied = append(denied, i)
			if i.Resigned { // it is not about these bytes: they stay installed, signed as they are
				continue
			}
			if !t.say(i.word(policy.Denied, answer.Note), t.home.opts.By, "") {
				return nil, errFull
			}
			// It stays in the home, so that it can be approved after all.
			archive, err := archiveOf(i.bundle)
			if err != nil {
				return nil, err
			}
			t.archives[i.Review.Digest] = archive
			t.wait(i, p, true)
			continue
		}
		ok, err := t.approve(p.judge, i, answer)
		if err != nil {
			return nil, err
		}
		if !ok {
			denied = append(denied, i)
		}
	}
	if len(denied) > 0 {
		// What was said of others stays on record; their bundles do not.
		t.refused = &RefusedError{denied}
		return nil, nil
	}
	out := &Result{Gone: p.Gone}
	waits := slices.ContainsFunc(p.Items, (*Item).Asks)
	for _, i := range p.Items {
		if i.Resigned && i.Asks() {
			return nil, &ResignedError{i.Review.ID, i.Review.Version, i.Review.Publisher}
		}
		if i.Resigned && waits { // it is there as it was, and can be named again
			continue
		}
		archive, err := archiveOf(i.bundle)
		if err != nil {
			return nil, err
		}
		t.archives[i.Review.Digest] = archive
		if i.Decision.Runs() && (i.last == nil || i.last.Verdict != policy.Approved || !i.last.byPerson() && !i.Decision.Approved) {
			if !t.allow(i) {
				return nil, errFull
			}
		}
		if !waits {
			out.Installed = append(out.Installed, i)
			continue
		}
		t.wait(i, p, i.Asked)
		out.Waiting = append(out.Waiting, i)
	}
	if waits {
		out.Gone = nil
		return out, nil
	}
	t.install(p)
	return out, nil
}

var errFull = &FileError{Path: approvalsName, Err: fmt.Errorf("more than %d mods have been approved or denied", MaxHistory), Want: "approvals that are not needed any more to be revoked"}

// word is what somebody says of an item.
func (i *Item) word(verdict policy.Verdict, note string) policy.Approval {
	r := i.Review
	return policy.Approval{ID: r.ID, Version: r.Version, Digest: r.Digest, Verdict: verdict, Note: note,
		Publisher: r.Publisher, Keys: r.Keys, Risk: r.Risk().Score, Grants: []policy.Grant{}}
}

// say puts a word on record. It reports false if there is no room.
func (t *transaction) say(a policy.Approval, by, follows string) bool {
	a.By, a.At = by, t.at
	kind := map[policy.Verdict]string{policy.Approved: "approval", policy.Denied: "denial", policy.Withdrawn: "revocation"}[a.Verdict]
	var grants []string
	for _, g := range a.Grants {
		grants = append(grants, g.Capability)
	}
	t.record(kind, a.ID, a.Version, a.Digest, "verdict", string(a.Verdict), "approver", by, "grants", strings.Join(grants, " "),
		"note", a.Note, "follows", follows, "publisher", a.Publisher, "keys", strings.Join(a.Keys, " "), "risk", strconv.Itoa(a.Risk))
	return t.approvals.say(Entry{Sequence: t.sequence, Approval: a, Follows: follows}, func(digest string) bool {
		return slices.ContainsFunc(t.mods, func(m lockfile.Mod) bool { return m.Digest == digest })
	})
}

// allow puts on record that an item may run under the policy, with exactly what it was
// granted.
func (t *transaction) allow(i *Item) bool {
	a := i.word(policy.Approved, "")
	a.Limits = i.Decision.Limits
	for _, d := range i.Decision.Permissions {
		if d.Granted {
			a.Grants = append(a.Grants, policy.Grant{Capability: d.Capability, Options: d.Permission.Options})
		}
	}
	follows := ""
	if i.Follows {
		follows = i.Before.Digest
	}
	return t.say(a, byPolicy, follows)
}

// approve takes a person's yes for an item, and decides again with it. It reports false
// if the policy does not allow the item whatever anybody says: then nothing is said.
func (t *transaction) approve(j *judge, i *Item, answer Answer) (bool, error) {
	a := i.word(policy.Approved, answer.Note)
	request := i.Review.Request(j.environment, true) // there is a person: they have just spoken
	a.Limits = i.Decision.Limits
	for _, name := range answer.Without {
		at := slices.IndexFunc(request.Permissions, func(p policy.Permission) bool { return p.Capability == name })
		switch {
		case at < 0:
			return false, &AnswerError{ID: i.Review.ID, Capability: name, What: fmt.Sprintf("it does not ask for %q", name)}
		case !request.Permissions[at].Optional:
			return false, &AnswerError{ID: i.Review.ID, Capability: name,
				What: fmt.Sprintf("it cannot do without %q; only what is optional can be left out", name)}
		}
	}
	for _, p := range request.Permissions {
		if !slices.Contains(answer.Without, p.Capability) {
			a.Grants = append(a.Grants, policy.Grant{Capability: p.Capability, Options: p.Options})
		}
	}
	// What the policy denies, and what it can do without, is not granted to it now or later.
	d := policy.Decide(request, j.rules, &a)
	a.Grants = slices.DeleteFunc(a.Grants, func(g policy.Grant) bool {
		return !slices.ContainsFunc(d.Permissions, func(p policy.PermissionDecision) bool { return p.Capability == g.Capability && p.Granted })
	})
	d = policy.Decide(request, j.rules, &a)
	i.Decision = d
	if !d.Runs() {
		return false, nil
	}
	if !t.say(a, t.home.opts.By, "") {
		return false, errFull
	}
	i.last = t.approvals.Last(i.Review.Digest)
	return true, nil
}

// wait lets an item wait.
func (t *transaction) wait(i *Item, p *Plan, requested bool) {
	r := i.Review
	w := Waiting{Sequence: t.sequence, ID: r.ID, Version: r.Version, Digest: r.Digest, At: t.at, By: t.home.opts.By, From: i.From, Requested: requested,
		Update: r.Request(p.judge.environment, p.judge.interactive).Update}
	if i.Asks() {
		for _, why := range i.Decision.Reasons {
			w.Reasons = append(w.Reasons, plainReason(why))
		}
	} else {
		w.Reasons = []string{"it is allowed, and waits for others that are to be installed with it"}
	}
	if requested {
		w.Range = p.rangeOf(r.ID, r.Version)
	}
	t.approvals.Waiting = slices.DeleteFunc(t.approvals.Waiting, func(x Waiting) bool { return x.ID == w.ID && x.Digest != w.Digest && x.Requested == w.Requested })
	t.approvals.wait(w)
	t.record("wait", r.ID, r.Version, r.Digest, "reasons", strings.Join(w.Reasons, "; "))
}

// tidyWaiting removes from those that wait what is installed, and what nobody waits for.
func (t *transaction) tidyWaiting() {
	requested := false
	t.approvals.Waiting = slices.DeleteFunc(t.approvals.Waiting, func(w Waiting) bool {
		there := slices.ContainsFunc(t.mods, func(m lockfile.Mod) bool {
			return m.Digest == w.Digest || slices.ContainsFunc(m.Libraries, func(l lockfile.Library) bool { return l.Digest == w.Digest })
		})
		requested = requested || w.Requested && !there
		return there
	})
	if !requested {
		t.approvals.Waiting = []Waiting{}
	}
}
