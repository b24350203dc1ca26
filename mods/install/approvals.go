package install

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Approvals is the file approvals.json: what was said of which bundle, by whom, and
// which bundles wait for somebody to say something. What was said stays: the last word
// on a digest counts, in the order of its numbers, and never in that of a clock.
type Approvals struct {
	Format   int    `json:"format"`
	Sequence uint64 `json:"sequence"` // the number of the last change of the home
	// History has what was said, in the order in which it was said. When there is
	// more than [MaxHistory], what was overruled since goes, the oldest first; the
	// audit log has it.
	History []Entry `json:"history"`
	// Waiting are the bundles that are in the home and not installed, sorted by digest:
	// those of which a person has to decide, those that need them, and those that were
	// denied or revoked.
	Waiting []Waiting `json:"waiting"`
}

// Entry is an approval, a denial or a revocation.
type Entry struct {
	Sequence uint64 `json:"sequence"` // the number of the change with which it was said
	policy.Approval
	// Follows is the digest of the version whose approval, by a person, holds for this
	// one too, because it asks for no more; empty if it stands by itself.
	Follows string `json:"follows,omitempty"`
}

// Waiting is a bundle that is in the home and is not approved.
type Waiting struct {
	Sequence uint64    `json:"sequence"` // the number of the change with which it came
	ID       string    `json:"id"`
	Version  string    `json:"version"`
	Digest   string    `json:"digest"`
	At       time.Time `json:"at"`
	By       string    `json:"by"`   // who installed it
	From     string    `json:"from"` // where it came from: "file" or "catalog"
	Reasons  []string  `json:"reasons"`
	// Update is what is different from the version that was approved before.
	Update *policy.Update `json:"update"`
	// Requested tells that somebody named it, rather than a mod that needs it.
	Requested bool `json:"requested"`
	// Range is the one in which updates are to be looked for, if it was requested.
	Range string `json:"range,omitempty"`
}

const (
	approvalsFormat = 1
	maxGrants       = 64
	maxOptions      = 32
	maxReasons      = 64
	maxBy           = 100
	maxNote         = 500
	maxReason       = 2000

	// MaxHistory is how many entries the history has.
	MaxHistory = 2000
	// MaxWaiting is how many bundles wait.
	MaxWaiting = 500
)

// ParseApprovals reads the file. The path is used in errors only. Every error is a
// [*DamageError].
func ParseApprovals(path string, data []byte) (*Approvals, error) {
	if len(data) > maxStateFile {
		return nil, &DamageError{Path: path, What: errTooLarge.Error()}
	}
	a := &Approvals{}
	if err := decodeStrict(data, a); err != nil {
		return nil, &DamageError{Path: path, What: "not a list of approvals: " + err.Error(), Err: err}
	}
	if a.Format != approvalsFormat {
		return nil, &DamageError{Path: path, Field: "format", What: fmt.Sprintf("%d; this program reads %d", a.Format, approvalsFormat)}
	}
	if len(a.History) > MaxHistory || len(a.Waiting) > MaxWaiting {
		return nil, &DamageError{Path: path, What: fmt.Sprintf("more than %d entries, or %d that wait", MaxHistory, MaxWaiting)}
	}
	last := uint64(1)
	for i := range a.History {
		e := &a.History[i]
		if e.Sequence < last || e.Sequence > a.Sequence {
			return nil, &DamageError{Path: path, Field: fmt.Sprintf("history[%d].sequence", i),
				What: fmt.Sprintf("%d; want one from %d to %d", e.Sequence, last, a.Sequence)}
		}
		last = e.Sequence
		if form, err := bundle.ParseDigest(e.Follows); e.Follows != "" && (err != nil || form != e.Follows || e.By != byPolicy) {
			return nil, &DamageError{Path: path, Field: fmt.Sprintf("history[%d].follows", i), What: "want a digest, of an approval by " + byPolicy, Err: err}
		}
		if field, err := checkApproval(&e.Approval); err != nil {
			return nil, &DamageError{Path: path, Field: fmt.Sprintf("history[%d].%s", i, field), What: err.Error(), Err: err}
		}
	}
	for i := range a.Waiting {
		w := &a.Waiting[i]
		field, err := checkWaiting(w, a.Sequence)
		if err == nil && i > 0 && w.Digest <= a.Waiting[i-1].Digest {
			field, err = "digest", fmt.Errorf("want them sorted, each once")
		}
		if err != nil {
			return nil, &DamageError{Path: path, Field: fmt.Sprintf("waiting[%d].%s", i, field), What: err.Error(), Err: err}
		}
	}
	return a, nil
}

// checkApproval checks the fields of an approval, and gives the numbers among its
// options the form that they have in a manifest.
func checkApproval(a *policy.Approval) (field string, err error) {
	if field, err := checkBundle(a.ID, a.Version, a.Digest); err != nil {
		return field, err
	}
	switch a.Verdict {
	case policy.Approved, policy.Denied, policy.Withdrawn:
	default:
		return "verdict", fmt.Errorf("%q; want %s, %s or %s", a.Verdict, policy.Approved, policy.Denied, policy.Withdrawn)
	}
	if err := checkText(a.By, 1, maxBy); err != nil {
		return "by", err
	}
	if err := checkText(a.Note, 0, maxNote); err != nil {
		return "note", err
	}
	if a.Risk < 0 || a.Risk > 100 {
		return "risk", fmt.Errorf("%d; want one from 0 to 100", a.Risk)
	}
	if err := a.Limits.Validate(); err != nil {
		return "limits", err
	}
	if len(a.Grants) > maxGrants {
		return "grants", fmt.Errorf("more than %d", maxGrants)
	}
	if a.Verdict != policy.Approved && len(a.Grants) > 0 {
		return "grants", fmt.Errorf("want none: it is %s", a.Verdict)
	}
	for i, g := range a.Grants {
		field := fmt.Sprintf("grants[%d]", i)
		if err := checkText(g.Capability, 1, 100); err != nil {
			return field + ".capability", err
		}
		if i > 0 && g.Capability <= a.Grants[i-1].Capability {
			return field + ".capability", fmt.Errorf("want them sorted, each once")
		}
		if len(g.Options) > maxOptions {
			return field + ".options", fmt.Errorf("more than %d", maxOptions)
		}
		for name, value := range g.Options {
			form, err := optionValue(value)
			if err != nil {
				return field + ".options." + name, err
			}
			g.Options[name] = form
		}
	}
	return "", nil
}

// checkBundle checks what names a bundle.
func checkBundle(id, version, digest string) (field string, err error) {
	if err := manifest.CheckID(id); err != nil {
		return "id", err
	}
	if _, err := semver.StrictNewVersion(version); err != nil {
		return "version", fmt.Errorf("%q is not a version such as 1.0.0", version)
	}
	if form, err := bundle.ParseDigest(digest); err != nil || form != digest {
		return "digest", fmt.Errorf("%q is not a digest", digest)
	}
	return "", nil
}

func checkWaiting(w *Waiting, sequence uint64) (field string, err error) {
	if field, err := checkBundle(w.ID, w.Version, w.Digest); err != nil {
		return field, err
	}
	if w.Sequence == 0 || w.Sequence > sequence {
		return "sequence", fmt.Errorf("%d; want one from 1 to %d", w.Sequence, sequence)
	}
	if err := checkText(w.By, 1, maxBy); err != nil {
		return "by", err
	}
	if w.From != fromFile && w.From != fromCatalog {
		return "from", fmt.Errorf("%q; want %s or %s", w.From, fromFile, fromCatalog)
	}
	if (w.Range != "") != w.Requested {
		return "range", fmt.Errorf("%q; want one if it was requested", w.Range)
	}
	if w.Requested {
		if _, err := manifest.ParseRange(w.Range); err != nil {
			return "range", err
		}
	}
	if len(w.Reasons) > maxReasons {
		return "reasons", fmt.Errorf("more than %d", maxReasons)
	}
	for i, why := range w.Reasons {
		if err := checkText(why, 1, maxReason); err != nil {
			return fmt.Sprintf("reasons[%d]", i), err
		}
	}
	return "", nil
}

// checkText checks what a person, or a program for them, wrote on one line.
func checkText(text string, least, most int) error {
	if len(text) < least || len(text) > most {
		return fmt.Errorf("%d bytes; want %d to %d", len(text), least, most)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("%q has characters that cannot be printed", text)
	}
	return nil
}

// optionValue brings the value of an option into the form that it has in a manifest:
// string, int64, float64, bool, []string.
func optionValue(value any) (any, error) {
	switch v := value.(type) {
	case string, bool, int64, []string:
		return v, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("want a finite number")
		}
		return v, nil
	case json.Number:
		if n, err := v.Int64(); err == nil && !strings.ContainsAny(string(v), ".eE") {
			return n, nil
		}
		return v.Float64()
	case []any:
		texts := make([]string, len(v))
		for i, item := range v {
			text, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("want a list of texts")
			}
			texts[i] = text
		}
		return texts, nil
	}
	return nil, fmt.Errorf("want a text, a number, true or false, or a list of texts")
}

// encode writes the file.
func (a *Approvals) encode() ([]byte, error) { return encodeStrict(a) }

// clone returns a copy that can be changed.
func (a *Approvals) clone() *Approvals {
	b := *a
	b.History, b.Waiting = slices.Clone(a.History), slices.Clone(a.Waiting)
	return &b
}

// Last returns the last word on a digest; nil if there is none.
func (a *Approvals) Last(digest string) *Entry {
	for i := range slices.Backward(a.History) {
		if a.History[i].Digest == digest {
			return &a.History[i]
		}
	}
	return nil
}

// LastApproved returns the last approval of any version of a mod that was not
// overruled since, but of that digest; nil if there is none.
func (a *Approvals) LastApproved(id, but string) *Entry {
	overruled := map[string]bool{but: true}
	for i := range slices.Backward(a.History) {
		e := &a.History[i]
		if e.ID != id || overruled[e.Digest] {
			continue
		}
		if e.Verdict == policy.Approved {
			return e
		}
		overruled[e.Digest] = true
	}
	return nil
}

// say adds a word on a digest. keep tells which approvals
// are needed. It reports false if there is no room: then nothing is as it should be.
func (a *Approvals) say(what Entry, keep func(digest string) bool) bool {
	if what.Grants == nil {
		what.Grants = []policy.Grant{}
	}
	a.History = append(a.History, what)
	if len(a.History) <= MaxHistory {
		return true
	}
	last := map[string]int{}
	for i := range a.History {
		last[a.History[i].Digest] = i
	}
	// A word that was overruled has no effect. An approval that is gone leads to a
	// question; a denial that is gone would too, and must not.
	goes := -1
	for i := range a.History {
		e := &a.History[i]
		if last[e.Digest] != i {
			goes = i
			break
		}
		if goes < 0 && e.Verdict == policy.Approved && i < MaxHistory && !keep(e.Digest) {
			goes = i
		}
	}
	if goes < 0 {
		return false
	}
	a.History = slices.Delete(a.History, goes, goes+1)
	return true
}

// wait lets a bundle wait, or tells what is new of one that does.
func (a *Approvals) wait(w Waiting) {
	a.unwait(w.Digest)
	at, _ := slices.BinarySearchFunc(a.Waiting, w.Digest, func(x Waiting, digest string) int { return strings.Compare(x.Digest, digest) })
	a.Waiting = slices.Insert(a.Waiting, at, w)
}

func (a *Approvals) unwait(digest string) {
	a.Waiting = slices.DeleteFunc(a.Waiting, func(w Waiting) bool { return w.Digest == digest })
}

// plainReason makes a text one that can be kept: on one line, and not too long.
func plainReason(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	for len(text) > maxReason {
		text = text[:strings.LastIndexFunc(text[:maxReason+1], func(rune) bool { return true })]
	}
	return text
}

// mayCome reports whether nobody has said no to a bundle that waits.
func (a *Approvals) mayCome(w Waiting) bool {
	last := a.Last(w.Digest)
	return last == nil || last.Verdict == policy.Approved
}
