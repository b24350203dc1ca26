// Package advisory tells which versions of mods somebody has warned of, and which an
// operator has stopped.
//
// An [Advisory] is published by others, in the OSV format (https://ossf.github.io/osv-schema,
// version 1), for packages of the ecosystem "modrunner". A [Freeze] is the operator's own
// word: it stops a mod whatever a policy says.
//
// Both fail closed. What of an advisory cannot be understood is told, and is taken to
// concern all versions of the mods that it names; a version that cannot be read is taken
// to be concerned by everything about its mod. A list of freezes that cannot be
// understood is not read in part.
package advisory

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/policy"
)

// Ecosystem is the one whose packages are mods.
const Ecosystem = "modrunner"

// The severities, the gravest last.
const (
	Low      = "low"
	Medium   = "medium"
	High     = "high"
	Critical = "critical"
)

// Severities returns the severities, the gravest last.
func Severities() []string { return []string{Low, Medium, High, Critical} }

// graver returns the graver of two severities; what is none of them is grave.
func graver(a, b string) string {
	all := Severities()
	return all[max(slices.Index(all, known(a)), slices.Index(all, known(b)))]
}

// known returns a severity, and High for what is none.
func known(severity string) string {
	if slices.Contains(Severities(), severity) {
		return severity
	}
	return High
}

// Advisory is a published warning.
type Advisory struct {
	ID        string
	File      string // it was read from; for messages
	Modified  time.Time
	Published time.Time // zero if it does not say
	Withdrawn time.Time // zero if it stands
	Summary   string
	Details   string
	Aliases   []string // other ids of the same warning
	// Severity is that of database_specific.severity, or of a CVSS 3 vector, and high if
	// the advisory does not say or not in a way that is understood.
	Severity   string
	References []Reference
	Affected   []Affected // mods only; entries about other ecosystems are left out
}

// Reference is where more can be read.
type Reference struct{ Type, URL string }

// Affected is which versions of a mod an advisory is about.
type Affected struct {
	Mod      string // its id
	Ranges   [][]Event
	Versions []string
	Severity string // as in Advisory, if this entry says so; otherwise ""
	// Unclear says what was not understood: then it is about all versions.
	Unclear string
}

// Event begins or ends a range. One of the fields is set.
type Event struct {
	Introduced   string // from this version on; "0" for all
	Fixed        string // no more from this version on
	LastAffected string // not after this version
}

// version returns the one that is set.
func (e Event) version() string { return e.Introduced + e.Fixed + e.LastAffected }

// Hit is an advisory about a version.
type Hit struct {
	Advisory *Advisory
	Severity string
	Since    string // the first version that is concerned; "" if that is not known, "0" for all
	Fixed    string // the first later version that is not; "" if there is none, or nobody says
	Unclear  string // why it is taken to be about this version, if it does not say so
}

// Policy returns what policies are told of it.
func (h Hit) Policy() policy.Advisory {
	return policy.Advisory{ID: h.Advisory.ID, Severity: h.Severity}
}

// Policies returns what policies are told of hits.
func Policies(hits []Hit) []policy.Advisory {
	out := make([]policy.Advisory, len(hits))
	for i, h := range hits {
		out[i] = h.Policy()
	}
	return out
}

// match returns the hit of an advisory on a version of a mod.
func (a *Advisory) match(mod, version string) (Hit, bool) {
	hit := Hit{Advisory: a}
	found := false
	if !a.Withdrawn.IsZero() {
		return hit, false
	}
	v, err := semver.StrictNewVersion(version)
	for _, affected := range a.Affected {
		if affected.Mod != mod {
			continue
		}
		since, fixed, unclear, concerned := "", "", affected.Unclear, true
		switch {
		case err != nil:
			unclear = fmt.Sprintf("the version %q cannot be read", version)
		case unclear == "":
			since, fixed, concerned = affected.covers(v)
		}
		if !concerned {
			continue
		}
		severity := a.Severity
		if affected.Severity != "" {
			severity = affected.Severity
		}
		if !found {
			hit.Severity, hit.Since, hit.Fixed, hit.Unclear = known(severity), since, fixed, unclear
		} else {
			hit.Severity = graver(hit.Severity, severity)
			if hit.Fixed != fixed { // what mends one part of it may not mend the other
				hit.Fixed = ""
			}
		}
		found = true
	}
	return hit, found
}

// covers reports whether the entry is about a version.
func (a Affected) covers(v *semver.Version) (since, fixed string, concerned bool) {
	for _, events := range a.Ranges {
		if since, fixed, concerned = inRange(events, v); concerned {
			return since, fixed, true
		}
	}
	for _, text := range a.Versions {
		if listed, err := semver.StrictNewVersion(text); err == nil && listed.Equal(v) {
			return text, "", true
		}
	}
	return "", "", false
}

// inRange evaluates the events of a range, as the OSV schema has it.
func inRange(events []Event, v *semver.Version) (since, fixed string, concerned bool) {
	type mark struct {
		Event
		at *semver.Version // nil: before all versions
	}
	marks := make([]mark, len(events))
	for i, e := range events {
		marks[i].Event = e
		if text := e.version(); text != "0" {
			marks[i].at, _ = semver.StrictNewVersion(text) // Parse has read it
		}
	}
	slices.SortStableFunc(marks, func(a, b mark) int {
		switch {
		case a.at == nil || b.at == nil:
			return boolean(a.at != nil) - boolean(b.at != nil)
		case !a.at.Equal(b.at):
			return a.at.Compare(b.at)
		}
		// What ends and begins at one version concerns that version.
		return boolean(a.Introduced != "") - boolean(b.Introduced != "")
	})
	ended := false // the first end after v was seen
	for _, m := range marks {
		switch {
		case m.Introduced != "" && (m.at == nil || !v.LessThan(m.at)):
			if !concerned {
				since = m.Introduced
			}
			concerned = true
		case m.Fixed != "" && (m.at == nil || !v.LessThan(m.at)):
			concerned = false
		case m.LastAffected != "" && (m.at == nil || v.GreaterThan(m.at)):
			concerned = false
		case m.Introduced == "" && concerned && !ended:
			fixed, ended = m.Fixed, true
		}
	}
	if !concerned {
		return "", "", false
	}
	return since, fixed, true
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Error is an advisory that is not understood, in whole or in part.
type Error struct {
	File   string
	Field  string // as "affected[0].ranges[1].events[0].fixed"; "" if it is about the file
	Reason string // what is wrong, and what would be right
	Err    error  // what a lower layer said, or nil
}

// Error names the file and the field.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(printable(e.File))
	if e.Field != "" {
		b.WriteString(": " + e.Field)
	}
	b.WriteString(": " + printable(e.Reason))
	if e.Err != nil {
		b.WriteString(": " + printable(e.Err.Error()))
	}
	return b.String()
}

// Unwrap returns what a lower layer said.
func (e *Error) Unwrap() error { return e.Err }
