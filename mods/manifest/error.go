package manifest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/luasandbox/modrunner/mods/internal/safetoml"
)

// Kind says what sort of thing is wrong.
type Kind string

// The kinds of problems.
const (
	Syntax     Kind = "syntax"      // not TOML, or not UTF-8
	TooComplex Kind = "too complex" // too long, too deep, too many
	Duplicate  Kind = "duplicate"   // a key or table is there twice
	UnknownKey Kind = "unknown key" // no such key or section
	Missing    Kind = "missing"     // a required key is not there
	WrongType  Kind = "wrong type"  // a string where a table is wanted, and the like
	BadValue   Kind = "bad value"   // the right type, but not allowed
	Refused    Kind = "refused"     // well-formed, and refused by a later stage; see Manifest.Problem
)

// Position is a place in a manifest.
type Position struct {
	File   string // as given to Parse
	Line   int    // from 1
	Column int    // from 1, in characters
	Length int    // in characters, at least 1; does not go past the end of the line
}

// String renders the position as "file:line:column".
func (p Position) String() string {
	return fmt.Sprintf("%s:%d:%d", visible(p.File), p.Line, p.Column)
}

// Problem is one thing that is wrong with a manifest. It is an error.
type Problem struct {
	Position
	Kind       Kind
	Field      string // the dotted path of what is wrong, as "mod.version"; may be empty
	Message    string // what is wrong and what would be right, on one line
	Suggestion string // the nearest known key, if one is near
	Source     string // the text of the line, as it stands in the file
}

// Error renders the problem with the line and a caret under the place. What
// the author of the manifest wrote is made visible: control characters and
// text direction marks do not reach a terminal.
func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", p.Position, p.Message)
	if p.Suggestion != "" {
		fmt.Fprintf(&b, "; did you mean %q?", p.Suggestion)
	}
	number := fmt.Sprintf("%4d", p.Line)
	line, before, length := window(p.Source, p.Column, p.Length)
	fmt.Fprintf(&b, "\n%s | %s\n%s | %s^%s", number, line, strings.Repeat(" ", len(number)),
		strings.Repeat(" ", before), strings.Repeat("~", length-1))
	return b.String()
}

// window cuts a long line to the part around the place, and replaces every
// character that has no width of its own, so that the caret stays in place.
func window(source string, column, length int) (line string, before, shown int) {
	const most, left = 100, 30
	runes := []rune(strings.TrimRight(source, "\r"))
	for i, r := range runes {
		switch {
		case r == '\t':
			runes[i] = ' '
		case !unicode.IsPrint(r) || unicode.Is(unicode.Mn, r):
			runes[i] = utf8.RuneError
		}
	}
	start := 0
	if len(runes) > most && column > most-left {
		start = column - 1 - left
	}
	end := min(start+most, len(runes))
	line = string(runes[min(start, end):end])
	before = column - 1 - start
	if start > 0 {
		line, before = "..."+line, before+3
	}
	if end < len(runes) {
		line += "..."
	}
	return line, before, max(1, min(length, end-column+1))
}

// Error is the error that [Parse] returns: everything that is wrong, in the
// order of the text. [errors.As] finds a [*Problem] in it, too.
type Error struct {
	Problems []*Problem // at least one
	Omitted  int        // how many more there are
}

// Error renders all problems, one after the other.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Error())
	}
	if e.Omitted > 0 {
		fmt.Fprintf(&b, "\nand %d more", e.Omitted)
	}
	return b.String()
}

// Unwrap returns the problems.
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		errs[i] = p
	}
	return errs
}

// visible makes a file name printable on one line.
func visible(name string) string {
	quoted := strconv.Quote(name)
	if quoted == `"`+name+`"` {
		return name
	}
	return quoted
}

// source turns byte offsets into positions.
type source struct {
	file string
	text string
}

func (s source) position(at safetoml.Span) Position {
	start := min(max(at.Start, 0), len(s.text))
	lineStart := strings.LastIndexByte(s.text[:start], '\n') + 1
	lineEnd := len(s.text)
	if i := strings.IndexByte(s.text[start:], '\n'); i >= 0 {
		lineEnd = start + i
	}
	end := min(max(at.End, start), lineEnd)
	return Position{
		File:   s.file,
		Line:   1 + strings.Count(s.text[:start], "\n"),
		Column: 1 + utf8.RuneCountInString(s.text[lineStart:start]),
		Length: max(1, utf8.RuneCountInString(s.text[start:end])),
	}
}

// line returns the line with that number, without its end.
func (s source) line(number int) string {
	rest := s.text
	for ; number > 1; number-- {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSuffix(line, "\r")
}

func (s source) problem(kind Kind, at safetoml.Span, field, message string) *Problem {
	p := &Problem{Position: s.position(at), Kind: kind, Field: field, Message: message}
	p.Source = s.line(p.Line)
	return p
}
