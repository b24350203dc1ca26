package review

import (
	"fmt"
	"strings"
)

// Table returns the table of the score, as the file RISK.md has it: in Markdown.
func Table() string {
	var b strings.Builder
	b.WriteString("# The risk score\n\n")
	fmt.Fprintf(&b, "The score of a mod is the sum of the points below, and %d at most. Each row adds its points once, or, where it says \"each\", for each thing that it finds, up to the number behind it. No row ever takes points away. The same bundle, trust store, API document and advisories give the same score, whatever was approved before; the time matters for nothing but whether a key is still trusted.\n\n", MaxRisk)
	b.WriteString("| score | word |\n|---|---|\n")
	to := MaxRisk
	for _, l := range levels {
		fmt.Fprintf(&b, "| %d to %d | %s |\n", l.from, to, l.word)
		to = l.from - 1
	}
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n", g.title)
		if g.doc != "" {
			b.WriteString(g.doc + "\n\n")
		}
		b.WriteString("| rule | points | when |\n|---|---|---|\n")
		for _, r := range g.rows {
			points := fmt.Sprint(r.points)
			if r.most > 0 {
				points = fmt.Sprintf("%d each, at most %d", r.points, r.most)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.rule, points, r.doc)
		}
	}
	return b.String()
}
