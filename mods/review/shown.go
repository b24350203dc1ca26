package review

import (
	"strings"

	"golang.org/x/text/width"

	"github.com/luasandbox/modrunner/mods/filter"
)

// The most characters of the author's texts that are shown.
const (
	mostName = 60
	mostText = 200
	mostLine = 400
)

// shown makes a text safe to show on one line: what cannot be seen, moves the cursor,
// ends a line or changes the direction of text stands there as Go escapes it, marks
// do not pile up, and there are n characters at most, with "..." where more were.
func shown(text string, n int) string {
	clean, err := filter.Filter{Bad: filter.Escape, Markup: filter.Keep, MaxMarks: 2, MaxRunes: n + 1, MaxBytes: 4 * (n + 1)}.Clean(text)
	if err != nil {
		return "?"
	}
	if runes := []rune(clean); len(runes) > n {
		return string(runes[:n-3]) + "..."
	}
	return clean
}

// columns returns how many columns of a terminal a text takes, at most: characters
// that some terminals show wide count as wide, combining ones as one.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth, width.EastAsianAmbiguous:
		return 2
	}
	return 1
}

// wrap breaks a text into lines of at most so many columns, at blanks where there are
// any.
func wrap(text string, most int) []string {
	var lines []string
	line, used := "", 0
	put := func() { lines, line, used = append(lines, line), "", 0 }
	for word := range strings.SplitSeq(text, " ") {
		n := columns(word)
		switch {
		case used > 0 && used+1+n <= most:
			line, used = line+" "+word, used+1+n
			continue
		case used > 0:
			put()
		}
		for _, r := range word {
			if k := runeColumns(r); used+k > most && used > 0 {
				put()
			}
			line, used = line+string(r), used+runeColumns(r)
		}
	}
	put()
	return lines
}

// some lists the first n of many.
func some(items []string, n int) string {
	if more := len(items) - n; more > 0 {
		return strings.Join(items[:n], ", ") + ", and " + grouped(int64(more)) + " more"
	}
	return strings.Join(items, ", ")
}
