package main

import (
	"fmt"
	"strings"

	"github.com/luasandbox/modrunner/mods/incident"
)

// The wording of modrunner incident.

func frozenLine(s incident.Subject) string {
	return oneLine(s.String()) + " is frozen; nothing of it is loaded any more"
}

func thawedLine(name string) string { return "the freeze " + oneLine(name) + " is lifted" }

// freezesTable lists what is frozen.
func (c *console) freezesTable(list []freezeReport) {
	if len(list) == 0 {
		fmt.Fprintln(c.out, "nothing is frozen")
		return
	}
	rows := [][]string{{"NAME", "WHAT", "SINCE", "BY", "WHY"}}
	for _, f := range list {
		what := f.ID
		switch {
		case f.Versions != "":
			what += "@" + f.Versions
		case f.Digest != "":
			what = f.Digest
		case f.Key != "":
			what = "signed by " + f.Key
		}
		rows = append(rows, []string{oneLine(f.Name), oneLine(what), f.At.UTC().Format("2006-01-02 15:04"), oneLine(f.By), oneLine(f.Reason)})
	}
	c.columns(rows, 1, func(int) bool { return false }, func(int) string { return red })
}

// collected tells what the evidence is.
func (c *console) collected(path string, e *incident.Evidence) {
	for _, p := range e.Problems {
		c.say(yellow, oneLine(p))
	}
	var names []string
	for _, m := range e.Mods {
		names = append(names, strings.TrimSpace(m.ID+" "+m.Version))
	}
	what := "no mod is known that it is about"
	if len(names) > 0 {
		what = strings.Join(names, ", ")
	}
	c.passed(path, fmt.Sprintf("%s; %s, %s", oneLine(what), plural(len(e.Events), "event"), plural(len(e.Files()), "file")))
}
