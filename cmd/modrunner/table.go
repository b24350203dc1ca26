package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/luasandbox/modrunner/mods"
)

// stateColours has all states there are. A colour never stands alone: the state's
// name is there.
var stateColours = map[mods.State]string{
	mods.Loaded:      faint,
	mods.Active:      green,
	mods.Paused:      yellow,
	mods.Throttled:   yellow,
	mods.Failing:     yellow,
	mods.Quarantined: yellow,
	mods.Disabled:    red,
	mods.Stopped:     green,
	mods.Refused:     red,
	mods.Unloaded:    faint,
}

// table writes the report for people: a line for each mod, and then in words
// what was wrong with those that were not well.
func (c *console) table(r runReport) {
	rows := [][]string{{"MOD", "VERSION", "STATE", "INSTRUCTIONS", "MEMORY", "CALLS", "VIOLATIONS"}}
	for _, m := range r.Mods {
		row := []string{oneLine(m.title()), orDash(m.Version), string(m.State), "-", "-", "-", "-"}
		if m.State != mods.Refused {
			copy(row[3:], []string{
				grouped(m.Instructions), size(m.MemoryPeakBytes), grouped(m.Calls),
				grouped(m.ViolationCount),
			})
		}
		rows = append(rows, row)
	}
	fmt.Fprintln(c.out)
	c.columns(rows, 2, func(column int) bool { return column >= 3 },
		func(row int) string { return stateColours[r.Mods[row-1].State] })
	fmt.Fprintln(c.out)
	for _, m := range r.Mods {
		c.explain(m)
	}
	fmt.Fprintln(c.out, summary(r))
}

// title is the mod's id, or where it is from if it could not be known.
func (m modReport) title() string {
	if m.ID == "" {
		return m.Source
	}
	return m.ID
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// columns writes rows, the first as headings, in columns that align: numbers at the
// right. The cells of one column have colours, by row from 1.
func (c *console) columns(rows [][]string, coloured int, number func(column int) bool, colour func(row int) string) {
	columns := widths(rows)
	for i, row := range rows {
		for j, cell := range row {
			pad := strings.Repeat(" ", columns[j]-utf8.RuneCountInString(cell))
			switch {
			case number(j):
				cell = pad + cell
			case i > 0 && j == coloured:
				cell = c.out.paint(colour(i), cell) + pad
			default:
				cell += pad
			}
			row[j] = cell
		}
		line := strings.TrimRight(strings.Join(row, "  "), " ")
		if i == 0 {
			line = c.out.paint(bold, line)
		}
		fmt.Fprintln(c.out, line)
	}
}

// widths returns how wide each column is.
func widths(rows [][]string) []int {
	out := make([]int, len(rows[0]))
	for _, row := range rows {
		for j, cell := range row {
			out[j] = max(out[j], utf8.RuneCountInString(cell))
		}
	}
	return out
}
