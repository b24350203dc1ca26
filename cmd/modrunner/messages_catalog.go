package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/catalog"
)

// The wording of catalog, search and info.

// noCatalog is why nothing is searched.
func noCatalog(file string) error {
	return &refusal{What: file, Reason: "no catalogue is named here", Want: "that file, with url and root, or --catalog and --root"}
}

// catalogTitle says which catalogue answers, and how old its answer is.
func catalogTitle(url string, s catalog.State) string {
	text := fmt.Sprintf("%s, publication %d", oneLine(url), s.Version)
	if !s.SignedAt.IsZero() {
		text += ", signed " + moment(s.SignedAt)
	}
	if s.Expired {
		text += "; EXPIRED " + moment(s.Expires)
	}
	return text
}

// moment is a time as people read it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// expiredCatalog warns of a catalogue whose time is over, and which is used all the same.
func (c *console) expiredCatalog(s catalog.State) {
	c.say(yellow, "the catalogue expired at "+moment(s.Expires)+": what was published since, revocations too, is not known here")
}

// yankedText is why a version was taken back.
func yankedText(y *catalog.Yank) string {
	if y == nil {
		return ""
	}
	return "yanked " + y.Date.UTC().Format(time.DateOnly) + ": " + y.Reason
}

// askedText names what a version wants, riskiest first.
func askedText(e catalog.Entry) string {
	var parts []string
	for _, risk := range []string{"high", "medium", "low", "none"} {
		for _, p := range e.Permissions {
			if p.Risk != risk {
				continue
			}
			text := p.Capability + " (" + risk + ")"
			if p.Optional {
				text = p.Capability + " (" + risk + ", optional)"
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ", ")
}

// requirementsText names other mods with their ranges.
func requirementsText(list []catalog.Requirement) string {
	parts := make([]string, len(list))
	for i, r := range list {
		parts[i] = r.ID + " " + r.Range
	}
	return strings.Join(parts, ", ")
}

// initialized tells what catalog init made, and what has to be done with it.
func (c *console) initialized(r catalogInitReport) {
	c.passed(r.Catalog, "made")
	fmt.Fprintf(c.out, `
first root  %s
SHA-256     %s
keys        %s

Give the first root to who is to use the catalogue some other way than by the
catalogue: with the game, or in its repository. Never host the folder of the keys;
back it up, and move the keys of the root to a medium that is put away.
`, oneLine(r.RootFile), r.RootSHA256, oneLine(strings.Join(r.Keys, ", ")))
}

// publicationLine says what clients see now.
func publicationLine(p catalog.Publication) string {
	return fmt.Sprintf("publication %d, timestamp %d: %s, %s, %s", p.Snapshot, p.Timestamp,
		plural(p.Bundles, "bundle"), countOf(p.Advisories, "advisory", "advisories"), plural(p.Revocations, "revoked key"))
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(int64(n)) + " " + many
}

// untilLine says what is to be done next, and by when.
func untilLine(p catalog.Publication) string {
	what := map[string]string{
		"timestamp": "catalog publish --timestamp-only", "snapshot": "catalog publish", "targets": "catalog publish", "root": "catalog rotate",
	}[p.Role]
	return fmt.Sprintf("the %s expires %s: before then, modrunner %s", p.Role, moment(p.Expires), what)
}

// rootSoon warns of a root that has to be signed again.
func (c *console) rootSoon(p catalog.Publication) {
	c.say(yellow, "the root expires "+moment(p.RootExpires)+": before then, modrunner catalog rotate, with the keys of the root")
}

// drafted tells that a change waits to be published.
func (c *console) drafted(name, what string) {
	c.passed(name, what+"; modrunner catalog publish shows it to clients")
}

// servingLine tells that a catalogue is served.
func servingLine(dir string) string { return "serving " + dir + " (started)" }
