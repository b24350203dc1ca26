package cedar

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of a policy. They hold before anything recurses, and keep the checks,
// some of which grow with the square of a rule, below a second for the worst file.
const (
	MaxBytes = 64 << 10 // of the text
	MaxRules = 256

	maxRuleTokens = 512 // of one rule
	maxNesting    = 32  // of brackets and of if, inside each other
	maxText       = 512 // bytes of one string
	maxOptions    = 512 // of capabilities, counted in each rule that looks at them
)

// place is where something stands in a policy.
type place struct {
	offset       int // in bytes, from 0
	line, column int // from 1, the column in characters
}

type tokenKind byte

const (
	endToken tokenKind = iota
	identToken
	numberToken
	stringToken // its text is as it is written, with the quotes
	markToken
)

type token struct {
	kind tokenKind
	text string
	at   place
}

// shown is the token as a message shows it.
func (t token) shown() string {
	if t.kind == endToken {
		return "the end of the file"
	}
	return "`" + t.text + "`"
}

// fault stops the reading of a policy.
type fault struct {
	at      place
	message string
}

func (f *fault) Error() string { return f.message }

func faultf(at place, format string, args ...any) *fault {
	return &fault{at, fmt.Sprintf(format, args...)}
}

// tokenize cuts a text into tokens, the last of which is the end. It takes less than
// Cedar does: what a reader of the file cannot see is refused, and so is an end of
// line that one program takes for one and another does not.
func tokenize(text string) ([]token, error) {
	s := scanner{text: text, at: place{line: 1, column: 1}}
	var tokens []token
	for {
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		if t.kind == endToken {
			return tokens, nil
		}
	}
}

type scanner struct {
	text string
	at   place
}

func (s *scanner) rest() string { return s.text[s.at.offset:] }

// take goes on by n bytes, none of which is the end of a line.
func (s *scanner) take(n int) string {
	taken := s.rest()[:n]
	s.at.offset += n
	s.at.column += utf8.RuneCountInString(taken)
	return taken
}

func (s *scanner) next() (token, error) {
	if err := s.blank(); err != nil {
		return token{}, err
	}
	t, rest := token{at: s.at}, s.rest()
	if rest == "" {
		return t, nil
	}
	n := 0
	switch c := rest[0]; {
	case identByte(c) && !digit(c):
		t.kind = identToken
		for n < len(rest) && identByte(rest[n]) {
			n++
		}
	case digit(c):
		t.kind = numberToken
		for n < len(rest) && digit(rest[n]) {
			n++
		}
	case c == '"':
		t.kind = stringToken
		var err error
		if n, err = s.stringEnd(); err != nil {
			return token{}, err
		}
	default:
		t.kind = markToken
		if n = markLen(rest); n == 0 {
			return token{}, s.strange()
		}
	}
	t.text = s.take(n)
	return t, nil
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func identByte(c byte) bool {
	return c == '_' || digit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func markLen(rest string) int {
	for _, mark := range []string{"::", "==", "!=", "<=", ">=", "&&", "||"} {
		if strings.HasPrefix(rest, mark) {
			return len(mark)
		}
	}
	if strings.IndexByte("@.,;(){}[]:<>!-+*", rest[0]) >= 0 {
		return 1
	}
	return 0
}

// blank skips spaces, ends of lines and comments.
func (s *scanner) blank() error {
	for {
		rest := s.rest()
		switch {
		case strings.HasPrefix(rest, "//"):
			for rest = s.rest(); rest != "" && rest[0] != '\n' && !strings.HasPrefix(rest, "\r\n"); rest = s.rest() {
				_, size := utf8.DecodeRuneInString(rest)
				if err := s.character(); err != nil {
					return err
				}
				s.take(size)
			}
		case strings.HasPrefix(rest, "/*"):
			return faultf(s.at, "a comment is written with // in front of each line")
		case strings.HasPrefix(rest, "\n"), strings.HasPrefix(rest, "\r\n"):
			s.at = place{offset: s.at.offset + 1 + strings.IndexByte(rest, '\n'), line: s.at.line + 1, column: 1}
		case strings.HasPrefix(rest, " "), strings.HasPrefix(rest, "\t"):
			s.take(1)
		default:
			return nil
		}
	}
}

// character refuses the next character if it is one that a reader does not see, or
// not as what it is.
func (s *scanner) character() error {
	r, size := utf8.DecodeRuneInString(s.rest())
	switch {
	case r == utf8.RuneError && size <= 1:
		return faultf(s.at, "a byte that is not UTF-8; save the file as UTF-8")
	case r != '\t' && !unicode.IsPrint(r):
		return faultf(s.at, "the character %U cannot be seen; leave it out", r)
	}
	return nil
}

// strange words the next character, with which nothing begins.
func (s *scanner) strange() error {
	if err := s.character(); err != nil {
		return err
	}
	r, _ := utf8.DecodeRuneInString(s.rest())
	switch r {
	case '\'':
		return faultf(s.at, `a text stands between double quotes: "..."`)
	case '=', '&', '|':
		return faultf(s.at, "a single %c; want %c%c", r, r, r)
	}
	return faultf(s.at, "nothing begins with %q", r)
}

// stringEnd returns how long the string is that begins here, with its quotes.
func (s *scanner) stringEnd() (int, error) {
	look := scanner{text: s.text, at: s.at}
	look.take(1)
	for {
		rest := look.rest()
		switch {
		case rest == "" || rest[0] == '\n' || rest[0] == '\r':
			return 0, faultf(s.at, "the text that begins here has no closing quote on its line")
		case look.at.offset-s.at.offset > maxText:
			return 0, faultf(s.at, "a text of more than %d bytes", maxText)
		case rest[0] == '"':
			return look.at.offset + 1 - s.at.offset, nil
		case rest[0] == '\\':
			if len(rest) < 2 || strings.IndexByte(`"\*`, rest[1]) < 0 {
				return 0, faultf(look.at, `after a \ only " and \ may stand, and * in a pattern; write any other character as itself`)
			}
			look.take(2)
		default:
			if err := look.character(); err != nil {
				return 0, err
			}
			_, size := utf8.DecodeRuneInString(rest)
			look.take(size)
		}
	}
}
