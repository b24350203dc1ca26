package fuzz

import (
	"maps"
	"slices"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/policy"
)

// word is the last that was said of a digest.
type word struct {
	verdict policy.Verdict
	person  bool
	grants  []string // at most these
	// dared are the grants for which a person said yes, to this digest or to one that it
	// follows.
	dared []string
}

// ledger is what a home has to know, kept by what was asked of it and what it answered.
// It knows nothing of rules.
type ledger struct {
	words     map[string]word   // by digest
	installed map[string]string // digests of mods, by id
	frozen    map[string]advisory.Freeze
	revoked   map[string]bool // keys, by a catalogue: for good
	distrust  map[string]bool // keys, by the operator's file as it is now
	policy    string          // the name of the operator's policy
}

func newLedger() *ledger {
	return &ledger{words: map[string]word{}, installed: map[string]string{}, frozen: map[string]advisory.Freeze{},
		revoked: map[string]bool{}, distrust: map[string]bool{}}
}

func (l *ledger) clone() *ledger {
	return &ledger{words: maps.Clone(l.words), installed: maps.Clone(l.installed), frozen: maps.Clone(l.frozen),
		revoked: maps.Clone(l.revoked), distrust: maps.Clone(l.distrust), policy: l.policy}
}

// stops says why a bundle must not run; "" if it may, for all that is known here.
func (l *ledger) stops(b *bundle.Bundle) string {
	r := editionOf(b.Digest())
	if r == nil {
		return "nobody published it"
	}
	signers := signersOf(b)
	for _, f := range l.frozen {
		version, _ := semver.StrictNewVersion(r.version)
		switch {
		case f.Digest != "" && f.Digest == r.digest,
			f.Key != "" && slices.Contains(signers, f.Key),
			f.ID != "" && f.ID == r.id && f.Versions.Contains(version):
			return "frozen as " + f.Name
		}
	}
	if len(signers) > 0 && !slices.ContainsFunc(signers, func(key string) bool { return !l.revoked[key] && !l.distrust[key] }) {
		return "its keys are revoked"
	}
	w, said := l.words[r.digest]
	switch {
	case !said:
		return "nobody approved it"
	case w.verdict != policy.Approved:
		return "it was " + string(w.verdict)
	}
	return ""
}

// exceeds returns a capability of those had that nobody granted to a digest; "" if there
// is none.
func (l *ledger) exceeds(digest string, had []string) string {
	r, w := editionOf(digest), l.words[digest]
	for _, name := range had {
		switch {
		case !slices.Contains(r.asks, name):
			return name + ", which it does not ask for"
		case !slices.Contains(w.grants, name):
			return name + ", which it was not granted"
		case name == "net" && l.policy != "developer" && !slices.Contains(w.dared, name):
			return name + ", for which no person said yes"
		}
	}
	return ""
}

// yes is a person's approval.
func (l *ledger) yes(i *install.Item, a install.Answer) {
	w := word{verdict: policy.Approved, person: true}
	for _, name := range editionOf(i.Review.Digest).asks {
		if !slices.Contains(a.Without, name) {
			w.grants = append(w.grants, name)
		}
	}
	w.dared = w.grants
	l.words[i.Review.Digest] = w
}

// allowed is an approval by rules, with the grants of the decision.
func (l *ledger) allowed(i *install.Item) {
	digest := i.Review.Digest
	if w, said := l.words[digest]; said && w.verdict == policy.Approved && (w.person || len(w.dared) > 0) {
		return
	}
	w := word{verdict: policy.Approved}
	for name := range i.Decision.Granted() {
		w.grants = append(w.grants, name)
	}
	slices.Sort(w.grants)
	if i.Follows {
		for _, name := range l.words[i.Before.Digest].dared {
			if slices.Contains(w.grants, name) {
				w.dared = append(w.dared, name)
			}
		}
	}
	l.words[digest] = w
}

// became takes over what became of a plan, or of an approval.
func (l *ledger) became(r *install.Result) {
	for _, i := range r.Installed {
		if !editionOf(i.Review.Digest).library {
			l.installed[i.Review.ID] = i.Review.Digest
		}
	}
	for _, id := range r.Gone {
		delete(l.installed, id)
	}
}
