package filter

import (
	"fmt"
	"strconv"
)

// Reason is the kind of a refusal.
type Reason string

// The reasons for which a text is refused.
const (
	TooLong      Reason = "too long"
	TooManyLines Reason = "too many lines"
	BadCharacter Reason = "not allowed"
	NotUTF8      Reason = "not UTF-8"
	HasMarkup    Reason = "markup"
	Empty        Reason = "empty"
	BadFilter    Reason = "wrong filter" // the host's mistake, not the text's
)

// Error is the one type of error that Clean returns. Its message holds nothing
// of the text, so that it can be shown.
type Error struct {
	Filter string // the filter's name
	Reason Reason
	// Offset is the byte of the text at which the reason is; -1 if it is in no
	// one place.
	Offset   int
	Rune     rune // BadCharacter, HasMarkup: the character; NotUTF8: the byte
	Max      int  // TooLong: MaxBytes; TooManyLines: MaxLines
	MaxRunes int  // TooLong: 0 if MaxBytes was enough to tell
	Detail   string
}

// Error says what is wrong, where, and what would be right.
func (e *Error) Error() string {
	name := strconv.Quote(e.Filter)
	switch e.Reason {
	case TooLong:
		if e.MaxRunes > 0 {
			return fmt.Sprintf("text too long for %s: want at most %d characters and %d bytes", name, e.MaxRunes, e.Max)
		}
		return fmt.Sprintf("text too long for %s: want at most %d bytes", name, e.Max)
	case TooManyLines:
		return fmt.Sprintf("too many lines for %s: want at most %d", name, e.Max)
	case BadCharacter:
		return fmt.Sprintf("character %U at byte %d is not allowed in %s", e.Rune, e.Offset+1, name)
	case NotUTF8:
		return fmt.Sprintf("byte %#02x at byte %d is not UTF-8, which %s has to be", e.Rune, e.Offset+1, name)
	case HasMarkup:
		return fmt.Sprintf("character %U at byte %d could be markup, which is not allowed in %s", e.Rune, e.Offset+1, name)
	case Empty:
		return fmt.Sprintf("nothing to be seen in the text: %s needs at least one character", name)
	}
	return fmt.Sprintf("filter %s is declared wrongly: %s", name, e.Detail)
}
