package incident

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// mostShown is how many events the post-mortem shows; all are in timeline.json.
const mostShown = 200

// PostMortem returns a text in Markdown to be filled in: what is known is there, what
// people have to find out is asked.
func (e *Evidence) PostMortem() []byte {
	var b bytes.Buffer
	c := e.Case
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Post-mortem: %s\n", mark(c.Subject.String()))
	line("| | |\n|---|---|")
	line("| Opened | %s by %s |", stamp(c.Opened), mark(c.By))
	line("| Reason | %s |", mark(c.Reason))
	if n := len(e.Events); n > 0 {
		line("| First trace | %s |", stamp(e.Events[0].At))
		line("| Last trace | %s |", stamp(e.Events[n-1].At))
	}
	line("| Collected with | %s |", mark(c.Tool))
	line("| Status | *open / contained / closed* |\n")

	line("## What happened\n\n*Three sentences that somebody understands who was not there.*\n")
	line("## Who was affected, and how\n\n*Players, servers, data; since when, until when. What is not known?*\n")

	line("## The mods\n")
	if len(e.Mods) == 0 {
		line("None was found: neither a bundle, nor an approval, nor a line of a log is about %s.\n", mark(c.Subject.String()))
	} else {
		line("| id | version | digest | signed by | lines in logs | bundle |\n|---|---|---|---|---|---|")
		for _, m := range e.Mods {
			line("| %s | %s | %s | %s | %d | %s |", mark(m.ID), mark(m.Version), mark(m.Digest), mark(strings.Join(m.Keys, ", ")), m.Lines, mark(m.Bundle))
		}
		line("")
	}
	e.kinds(&b, "What was decided, and by whom", "decision", "grant", "denial", "approved", "denied", "revoked", "frozen", "install")
	e.kinds(&b, "What it did", "violation", "call")
	line("## Timeline\n")
	e.timeline(&b, e.Events)
	line("## Evidence\n")
	for _, l := range e.Logs {
		state := "intact up to line " + fmt.Sprint(l.Lines) + ", hash " + l.Head.Hash
		if !l.Intact {
			state = "**not as it was written**: " + mark(l.Problem) + "; good up to line " + fmt.Sprint(l.Lines)
		}
		line("- Audit log %s: %s; %d lines about the subject", mark(l.Path), state, l.About)
	}
	for _, p := range e.Problems {
		line("- Problem: %s", mark(p))
	}
	line("- The files and their hashes: `%s`; `sha256sum -c %s` checks them\n", SumsName, SumsName)
	line("## Why\n\n*What let it in: a rule, an approval, a grant that was too wide, a key? Ask why of each answer, until there is something to change.*\n")
	line("## What went well, what did not\n\n- *How was it noticed? How long did that take?*\n- *How long did it take until nothing of it ran any more?*\n")
	line("## What is to be done\n\n- [ ] *who, what, until when*\n- [ ] lift the freeze, or leave it, and say why\n- [ ] a test, a rule or an advisory that would have stopped it\n- [ ] tell the players and the publisher")
	return b.Bytes()
}

// kinds writes the events of some kinds.
func (e *Evidence) kinds(b *bytes.Buffer, title string, kinds ...string) {
	var some []Event
	for _, ev := range e.Events {
		for _, k := range kinds {
			if ev.Kind == k {
				some = append(some, ev)
			}
		}
	}
	fmt.Fprintf(b, "## %s\n\n", title)
	e.timeline(b, some)
}

func (e *Evidence) timeline(b *bytes.Buffer, events []Event) {
	if len(events) == 0 {
		fmt.Fprint(b, "Nothing is on record.\n\n")
		return
	}
	fmt.Fprint(b, "| when | what | mod | from |\n|---|---|---|---|\n")
	for _, ev := range events[:min(len(events), mostShown)] {
		fmt.Fprintf(b, "| %s | %s: %s | %s %s | %s |\n", stamp(ev.At), mark(ev.Kind), mark(ev.What), mark(ev.Mod), mark(ev.Version), mark(ev.Source))
	}
	if more := len(events) - mostShown; more > 0 || e.Omitted > 0 {
		fmt.Fprintf(b, "\n%d more are in `timeline.json`, and %d were too many to keep.\n", max(more, 0), e.Omitted)
	}
	fmt.Fprintln(b)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// shown makes a text one line of characters that can be seen.
func shown(text string) string {
	const most = 2000
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r) || r == unicode.ReplacementChar:
			return '\ufffd'
		}
		return r
	}, text)
}

// mark makes a text such that Markdown shows it as it is.
func mark(text string) string {
	var b strings.Builder
	for _, r := range shown(text) {
		if strings.ContainsRune("\\`*_{}[]()<>#+!|~&$^=:@\"'", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
