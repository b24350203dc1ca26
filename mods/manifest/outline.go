package manifest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds on the text of a manifest. They hold before the TOML decoder sees it:
// the decoder recurses on nested values, and it keeps, for every key, the full
// path in several copies, so that 32 KiB of dots cost it gigabytes.
const (
	maxBytes    = 64 << 10
	maxDepth    = 8    // names in the path of a key; brackets inside brackets
	maxKeyBytes = 128  // one name
	maxEntries  = 2048 // keys, tables and array elements
)

// span is a range of bytes of the text.
type span struct{ start, end int }

// fault is what the scan stops at.
type fault struct {
	kind    Kind
	at      span
	message string
}

func (f *fault) Error() string { return f.message }

// outline knows where in the text each key, table and array element stands.
type outline struct {
	entries map[string]outlineEntry // by pathKey
	count   int
}

type outlineEntry struct {
	key      span // of an array element: its value
	value    span // empty for a table with a header
	explicit bool // not only the beginning of a longer path
}

// pathKey joins a path. Names hold no control characters, so no two paths have
// the same key.
func pathKey(path []string) string { return strings.Join(path, "\x00") }

// scan reads the text once, from left to right, without recursion, and stops
// at the first thing that is not well-formed or too much. It understands
// strings, comments, keys and brackets; what a number or a date looks like, it
// leaves to the decoder. It is stricter than TOML in three points, none of
// which a manifest has a use for: no arrays of tables, no escapes in quoted
// keys, no empty keys.
func scan(text string) (*outline, error) {
	s := &scanner{text: text, out: &outline{entries: map[string]outlineEntry{}}}
	if err := s.characters(); err != nil {
		return nil, err
	}
	if err := s.document(); err != nil {
		return nil, err
	}
	return s.out, nil
}

type scanner struct {
	text string
	pos  int
	out  *outline
}

func (s *scanner) fault(kind Kind, start int, format string, args ...any) error {
	return &fault{kind: kind, at: span{start, max(s.pos, start+1)}, message: fmt.Sprintf(format, args...)}
}

// characters refuses what TOML allows nowhere.
func (s *scanner) characters() error {
	for i := 0; i < len(s.text); {
		r, size := utf8.DecodeRuneInString(s.text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return &fault{Syntax, span{i, i + 1}, fmt.Sprintf("the byte 0x%02x is not UTF-8; save the file as UTF-8", s.text[i])}
		case r == '\r' && strings.HasPrefix(s.text[i:], "\r\n"), r == '\n', r == '\t':
		case r < ' ', r == 0x7f:
			return &fault{Syntax, span{i, i + 1}, fmt.Sprintf("the control character %U is not allowed", r)}
		}
		i += size
	}
	return nil
}

// next returns the next byte, or 0 at the end of the text, which holds no 0.
func (s *scanner) next() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

// here shows the next character, for messages.
func (s *scanner) here() string {
	r, _ := utf8.DecodeRuneInString(s.text[s.pos:])
	switch {
	case s.pos >= len(s.text):
		return "the end of the file"
	case r == '\n' || r == '\r':
		return "the end of the line"
	}
	return strconv.QuoteRune(r)
}

func (s *scanner) spaces() {
	for s.next() == ' ' || s.next() == '\t' {
		s.pos++
	}
}

// blank skips spaces, ends of lines and comments.
func (s *scanner) blank() {
	for {
		switch s.next() {
		case ' ', '\t', '\n', '\r':
			s.pos++
		case '#':
			s.comment()
		default:
			return
		}
	}
}

func (s *scanner) comment() {
	if i := strings.IndexByte(s.text[s.pos:], '\n'); i >= 0 {
		s.pos += i
	} else {
		s.pos = len(s.text)
	}
}

func (s *scanner) document() error {
	var table []string
	for {
		s.blank()
		var err error
		switch s.next() {
		case 0:
			return nil
		case '[':
			table, err = s.header()
		default:
			err = s.pair(table)
		}
		if err != nil {
			return err
		}
		s.spaces()
		if s.next() == '#' {
			s.comment()
		}
		if c := s.next(); c != '\n' && c != '\r' && c != 0 {
			return s.fault(Syntax, s.pos, "expected the end of the line, found %s", s.here())
		}
	}
}

// header reads "[a.b]" and returns the path.
func (s *scanner) header() ([]string, error) {
	start := s.pos
	s.pos++
	if s.next() == '[' {
		s.pos++
		return nil, s.fault(Syntax, start, "a manifest has no arrays of tables; write [name] with single brackets")
	}
	path, _, err := s.key(nil)
	if err != nil {
		return nil, err
	}
	if s.next() != ']' {
		return nil, s.fault(Syntax, s.pos, "expected ']' after the name of the table, found %s", s.here())
	}
	s.pos++
	return path, s.record(path, span{start, s.pos}, span{})
}

// key reads a dotted key and the spaces after it, and returns its path below
// the given one.
func (s *scanner) key(below []string) ([]string, span, error) {
	path := slices.Clone(below)
	s.spaces()
	at := span{start: s.pos}
	for {
		s.spaces()
		name, err := s.name()
		if err != nil {
			return nil, at, err
		}
		if len(path) == maxDepth {
			return nil, at, s.fault(TooComplex, at.start, "a path of more than %d names", maxDepth)
		}
		path = append(path, name)
		at.end = s.pos
		s.spaces()
		if s.next() != '.' {
			return path, at, nil
		}
		s.pos++
	}
}

// name reads one part of a key.
func (s *scanner) name() (string, error) {
	start := s.pos
	quote := s.next()
	var name string
	if quote == '"' || quote == '\'' {
		end := strings.IndexAny(s.text[start+1:], string(quote)+"\n")
		if end < 0 || s.text[start+1+end] == '\n' {
			return "", s.fault(Syntax, start, "the quoted key is not closed on its line")
		}
		name = s.text[start+1 : start+1+end]
		s.pos = start + end + 2
		if quote == '"' && strings.Contains(name, `\`) {
			return "", s.fault(Syntax, start, "a key has no escapes")
		}
	} else {
		for isKeyByte(s.next()) {
			s.pos++
		}
		name = s.text[start:s.pos]
		if name == "" {
			return "", s.fault(Syntax, start, "expected a key, found %s", s.here())
		}
	}
	switch {
	case name == "":
		return "", s.fault(Syntax, start, "a key is not empty")
	case len(name) > maxKeyBytes:
		return "", s.fault(TooComplex, start, "a key of %d bytes; at most %d", len(name), maxKeyBytes)
	}
	return name, nil
}

func isKeyByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// bracket is an array or an inline table that is not yet closed.
type bracket struct {
	table  bool
	path   []string
	start  int
	values int
}

func (b bracket) close() byte {
	if b.table {
		return '}'
	}
	return ']'
}

// pair reads "key = value" with everything in the value.
func (s *scanner) pair(table []string) error {
	path, err := s.assignment(table)
	if err != nil {
		return err
	}
	var open []bracket
	for {
		s.spaces()
		start := s.pos
		switch c := s.next(); c {
		case '[', '{':
			if len(open) == maxDepth {
				return s.fault(TooComplex, start, "more than %d brackets inside each other", maxDepth)
			}
			s.pos++
			open = append(open, bracket{table: c == '{', path: path, start: start})
		default:
			if err := s.scalar(); err != nil {
				return err
			}
			s.valueAt(path, span{start, s.pos})
		}
		path, open, err = s.following(open)
		if err != nil || len(open) == 0 {
			return err
		}
	}
}

// assignment reads "key =" and records the key.
func (s *scanner) assignment(table []string) ([]string, error) {
	path, at, err := s.key(table)
	if err != nil {
		return nil, err
	}
	if s.next() != '=' {
		return nil, s.fault(Syntax, s.pos, "expected '=' after the key, found %s", s.here())
	}
	s.pos++
	return path, s.record(path, at, span{})
}

// following goes from the end of a value, or from an opening bracket, to where
// the next value begins, closing brackets on the way. It returns the path of
// that value and the brackets it is in; none if the outermost was closed.
func (s *scanner) following(open []bracket) ([]string, []bracket, error) {
	for len(open) > 0 {
		top := &open[len(open)-1]
		s.blank()
		if top.values > 0 && s.next() == ',' {
			s.pos++
			s.blank()
		} else if top.values > 0 && s.next() != top.close() {
			return nil, nil, s.fault(Syntax, s.pos, "expected ',' or '%c', found %s", top.close(), s.here())
		}
		if s.next() == top.close() {
			s.pos++
			s.valueAt(top.path, span{top.start, s.pos})
			open = open[:len(open)-1]
			continue
		}
		top.values++
		if top.table {
			path, err := s.assignment(top.path)
			return path, open, err
		}
		path := append(slices.Clone(top.path), strconv.Itoa(top.values-1))
		return path, open, s.record(path, span{s.pos, s.pos + 1}, span{})
	}
	return nil, nil, nil
}

// scalar skips a string, number, boolean or date.
func (s *scanner) scalar() error {
	start := s.pos
	switch c := s.next(); c {
	case '"', '\'':
		if strings.HasPrefix(s.text[start:], strings.Repeat(string(c), 3)) {
			return s.multiline(c)
		}
		return s.line(c)
	}
	for c := s.next(); isKeyByte(c) || c == '+' || c == '.' || c == ':'; c = s.next() {
		s.pos++
	}
	if s.pos == start {
		return s.fault(Syntax, start, "expected a value, found %s", s.here())
	}
	return nil
}

func (s *scanner) line(quote byte) error {
	start := s.pos
	for s.pos++; ; s.pos++ {
		switch c := s.next(); {
		case c == 0 || c == '\n':
			return s.fault(Syntax, start, "the string is not closed on its line")
		case c == '\\' && quote == '"':
			s.pos++
			if s.next() == 0 || s.next() == '\n' {
				return s.fault(Syntax, start, "the string is not closed on its line")
			}
		case c == quote:
			s.pos++
			return nil
		}
	}
}

func (s *scanner) multiline(quote byte) error {
	start := s.pos
	triple := strings.Repeat(string(quote), 3)
	for s.pos += 3; ; s.pos++ {
		switch c := s.next(); {
		case c == 0:
			s.pos = start + 3
			return s.fault(Syntax, start, "the string is never closed")
		case c == '\\' && quote == '"':
			if s.pos++; s.next() == 0 {
				s.pos = start + 3
				return s.fault(Syntax, start, "the string is never closed")
			}
		case strings.HasPrefix(s.text[s.pos:], triple):
			s.pos += 3
			for range 2 { // up to two quotes may stand before the closing three
				if s.next() == quote {
					s.pos++
				}
			}
			return nil
		}
	}
}

// record enters a path and those it begins with.
func (s *scanner) record(path []string, key, value span) error {
	for i := 1; i < len(path); i++ {
		if err := s.enter(path[:i], outlineEntry{key: key}); err != nil {
			return err
		}
	}
	return s.enter(path, outlineEntry{key: key, value: value, explicit: true})
}

func (s *scanner) enter(path []string, entry outlineEntry) error {
	id := pathKey(path)
	old, seen := s.out.entries[id]
	switch {
	case seen && entry.explicit && old.explicit:
		line := 1 + strings.Count(s.text[:old.key.start], "\n")
		return &fault{Duplicate, entry.key, fmt.Sprintf("%s is already on line %d", dotted(path), line)}
	case seen && !entry.explicit:
		return nil
	case !seen:
		if s.out.count++; s.out.count > maxEntries {
			return &fault{TooComplex, entry.key, fmt.Sprintf("more than %d keys and values", maxEntries)}
		}
	}
	s.out.entries[id] = entry
	return nil
}

func (s *scanner) valueAt(path []string, at span) {
	id := pathKey(path)
	entry := s.out.entries[id]
	if entry.key.end == entry.key.start+1 && entry.key.start == at.start {
		entry.key = at // an array element
	}
	entry.value = at
	s.out.entries[id] = entry
}
