package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/advisory"
)

// unknownAudit words an argument of audit that is neither a command nor there.
func unknownAudit(arg string) error {
	return fmt.Errorf("unknown command %q; want verify\nor a mod that is there, to hold it against advisories", arg)
}

// nothingToAudit words an audit of nothing.
func nothingToAudit(lock string) error {
	return fmt.Errorf("nothing was asked for; want verify\nor mods to hold against advisories: there is no %s, and no mod was named", lock)
}

// noAdvisories tells that there is nothing to compare with.
const noAdvisories = "there are no advisories: that nothing was found says nothing"

// oldAdvisories tells that the newest advisory is of long ago.
func oldAdvisories(newest time.Time, days int) string {
	return fmt.Sprintf("the newest advisory is of %s, %s ago: there may be later ones", newest.Format(time.DateOnly), plural(days, "day"))
}

// advisoriesOfTheFuture tells that the clock and the advisories disagree.
func advisoriesOfTheFuture(newest time.Time) string {
	return fmt.Sprintf("the newest advisory is of %s, which is yet to come: the clock of this machine, or the advisory, is wrong", newest.Format(time.DateOnly))
}

// refusedAudit reports what kept an audit from being done.
func (c *console) refusedAudit(err error) {
	if e, ok := errors.AsType[*auditModError](err); ok {
		c.refusedMod(e.path, e.err)
		return
	}
	c.refused(err)
}

// advisoryColours has all severities there are. A colour never stands alone: the
// severity is there.
var advisoryColours = map[string]string{
	advisory.Low: faint, advisory.Medium: yellow, advisory.High: red, advisory.Critical: red, frozenHit: red,
}

// frozenHit stands in place of a severity.
const frozenHit = "frozen"

// auditedMods writes the report for people: a line for each hit, and then in words what
// it is and how it came in. What is doubtful goes to standard error.
func (c *console) auditedMods(r auditModsReport) {
	for _, p := range r.Advisories.Problems {
		text := p.File
		if p.Field != "" {
			text += ": " + p.Field
		}
		c.say(red, oneLine(text+": not understood: "+p.Reason))
	}
	for _, n := range r.NotAudited {
		c.say(yellow, oneLine(n.Mod+" needs "+n.Needs+", which was not looked at; name it, too"))
	}
	for _, note := range r.Advisories.Notes {
		c.say(yellow, note)
	}
	if len(r.Hits) > 0 {
		c.auditTableOfHits(r.Hits)
	}
	about := plural(r.Advisories.Count, "advisory")
	if r.Advisories.Count != 1 {
		about = strings.Replace(about, "advisorys", "advisories", 1)
	}
	fmt.Fprintf(c.out, "%s, %s; %s, %s: %s\n", plural(r.Mods, "mod"), strings.Replace(plural(r.Libraries, "library"), "librarys", "libraries", 1),
		about, plural(r.Freezes, "freeze"), c.out.paint(auditColour(r), auditVerdict(r)))
}

func auditColour(r auditModsReport) string {
	switch r.Status {
	case "ok":
		return green
	case "hit":
		return yellow
	}
	return red
}

// auditVerdict says in a few words what came out.
func auditVerdict(r auditModsReport) string {
	blocking := 0
	for _, h := range r.Hits {
		if h.Blocks {
			blocking++
		}
	}
	switch {
	case len(r.Hits) == 0 && r.Status == "ok":
		return "no hit"
	case len(r.Hits) == 0:
		return "no hit among what was understood"
	}
	return fmt.Sprintf("%s, %d blocking", plural(len(r.Hits), "hit"), blocking)
}

func (c *console) auditTableOfHits(hits []auditHit) {
	rows := [][]string{{"MOD", "VERSION", "HIT", "SEVERITY", "SINCE", "FIXED IN"}}
	severity := func(h auditHit) string {
		if h.Freeze != "" {
			return frozenHit
		}
		return h.Severity
	}
	for _, h := range hits {
		since := h.Since
		if since == "0" {
			since = "always"
		}
		rows = append(rows, []string{oneLine(h.Mod), oneLine(h.Version), orDash(oneLine(h.Advisory)), severity(h), orDash(oneLine(since)), orDash(oneLine(h.Fixed))})
	}
	c.columns(rows, 3, func(int) bool { return false }, func(row int) string { return advisoryColours[severity(hits[row-1])] })
	fmt.Fprintln(c.out)
	for _, h := range hits {
		c.explainHit(h)
	}
	fmt.Fprintln(c.out)
}

// explainHit says what a hit is, and how the mod came in.
func (c *console) explainHit(h auditHit) {
	line := func(text string) { fmt.Fprintln(c.out, c.out.fit(oneLine(text))) }
	name := h.Mod + " " + h.Version
	switch {
	case h.Freeze != "":
		line(name + ": stopped: " + h.Freeze)
	case h.Unclear != "":
		line(name + ": " + h.Advisory + ": taken to be about this version, since it is not understood: " + h.Unclear)
	case h.Summary == "":
		line(name + ": " + h.Advisory)
	default:
		line(name + ": " + h.Advisory + ": " + h.Summary)
	}
	const shown = 3
	for i, way := range h.Ways {
		if i == shown {
			line("  and in " + plural(len(h.Ways)-shown, "more way"))
			break
		}
		line("  came in as " + strings.Join(way, " -> "))
	}
}
