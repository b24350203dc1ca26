package review

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/luasandbox/modrunner/limits"
)

const (
	labelColumns = 12
	leastColumns = 40
)

// Text lays a brief out in lines of at most so many columns; less than 40 is 40. What
// wants attention is marked with "!" or "!!" at the beginning of its line. paint, if it
// is not nil, gives colours to titles and marks after that; it must not change what is
// seen.
func (b Brief) Text(columns int, paint func(level Level, text string) string) string {
	if paint == nil {
		paint = func(_ Level, text string) string { return text }
	}
	columns = max(columns, leastColumns)
	var out strings.Builder
	for _, line := range wrap(b.Title, columns) {
		out.WriteString(paint(Plain, line) + "\n")
	}
	for _, s := range b.Sections {
		out.WriteString("\n")
		for _, line := range wrap(strings.ToUpper(s.Title), columns) {
			out.WriteString(paint(s.Level, line) + "\n")
		}
		for _, item := range s.Items {
			item.write(&out, columns, paint)
		}
	}
	return out.String()
}

// write lays out an item: the mark in two columns, the label, and what it says beside.
func (i Item) write(out *strings.Builder, most int, paint func(Level, string) string) {
	text := i.Text
	if i.Quote != "" {
		text = strings.TrimSpace(text + " " + quoted(i.Quote))
	}
	const indent = 3 + labelColumns + 1
	head := i.Level.mark()
	pad := strings.Repeat(" ", 3-len(head))
	if head != "" {
		head = paint(i.Level, head)
	}
	head += pad
	lines := wrap(text, most-indent)
	if n := columns(i.Label); n > labelColumns {
		for _, line := range wrap(i.Label, most-3) {
			out.WriteString(head + line + "\n")
			head = "   "
		}
		head = strings.Repeat(" ", indent)
	} else {
		head += i.Label + strings.Repeat(" ", labelColumns-n+1)
	}
	for _, line := range lines {
		out.WriteString(strings.TrimRight(head+line, " ") + "\n")
		head = strings.Repeat(" ", indent)
	}
}

// quoted puts a text into quotes that it cannot end.
func quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(int64(n)) + " " + noun + "s"
}

// size writes a number of bytes, rounded as people read it.
func size(n int64) string {
	if n < 1024 {
		return plural(int(n), "byte")
	}
	value, unit := float64(n)/1024, 0
	units := [...]string{"KiB", "MiB", "GiB"}
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	return strings.TrimSuffix(strconv.FormatFloat(value, 'f', 1, 64), ".0") + " " + units[unit]
}

// exactSize writes a number of bytes exactly: what is approved is not rounded.
func exactSize(n int64) string {
	text := limits.FormatSize(n)
	if last := text[len(text)-1]; '0' <= last && last <= '9' {
		return grouped(n) + " bytes"
	}
	at := strings.IndexFunc(text, unicode.IsLetter)
	if at < 1 {
		return text
	}
	return text[:at] + " " + text[at:]
}
