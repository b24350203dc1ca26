package safetoml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind says why a text is not taken.
type Kind string

// The kinds.
const (
	Syntax     Kind = "syntax"      // not TOML, or not UTF-8
	TooComplex Kind = "too complex" // too long, too deep, too many
	Duplicate  Kind = "duplicate"   // a key or table is there twice
)

// Bounds on a text. They hold before the TOML decoder sees it: the decoder recurses
// on nested values, and it keeps, for every key, the full path in several copies, so
// that 32 KiB of dots cost it gigabytes.
type Bounds struct {
	Bytes    int // of the whole text
	Depth    int // names in the path of a key; brackets inside brackets
	KeyBytes int // one name
	Entries  int // keys, tables and array elements
}

// Size refuses a text of that many bytes, with a [*Fault], if it is too long: before it
// is copied.
func (b Bounds) Size(n int) error {
	if n > b.Bytes {
		return &Fault{Kind: TooComplex, Message: fmt.Sprintf("a text of %d bytes; at most %d", n, b.Bytes)}
	}
	return nil
}

// Span is a range of bytes of the text.
type Span struct{ Start, End int }

// Fault is what [Scan] and [Decode] stop at.
type Fault struct {
	Kind    Kind
	At      Span
	Message string // what is wrong, and what would be right
}

// Error is the message.
func (f *Fault) Error() string { return f.Message }

// Outline knows where in the text each key, table and array element stands.
type Outline struct {
	entries map[string]Entry // by pathKey
	count   int
}

// Entry is where one of them stands.
type Entry struct {
	Key      Span // of an array element: its value
	Value    Span // empty for a table with a header
	Explicit bool // not only the beginning of a longer path
}

// Entry returns the entry of a path. Elements of arrays have their index as name.
func (o *Outline) Entry(path []string) (Entry, bool) {
	entry, ok := o.entries[pathKey(path)]
	return entry, ok
}

// Len returns how many entries there are.
func (o *Outline) Len() int { return o.count }

// At returns where the longest known beginning of a path stands.
func (o *Outline) At(path []string) Span {
	for n := len(path); n > 0; n-- {
		if entry, ok := o.entries[pathKey(path[:n])]; ok {
			return entry.Key
		}
	}
	return Span{}
}

// pathKey joins a path. Names hold no control characters, so no two paths have
// the same key.
func pathKey(path []string) string { return strings.Join(path, "\x00") }

// Scan reads the text once, from left to right, without recursion, and stops
// at the first thing that is not well-formed or too much. It understands
// strings, comments, keys and brackets; what a number or a date looks like, it
// leaves to the decoder. It is stricter than TOML in three points, none of
// which a manifest has a use for: no arrays of tables, no escapes in quoted
// keys, no empty keys.
//
// The error is a [*Fault].
func Scan(text string, bounds Bounds) (*Outline, error) {
	if err := bounds.Size(len(text)); err != nil {
		return nil, err
	}
	s := &scanner{text: text, bounds: bounds, out: &Outline{entries: map[string]Entry{}}}
	if err := s.characters(); err != nil {
		return nil, err
	}
	if err := s.document(); err != nil {
		return nil, err
	}
	return s.out, nil
}

type scanner struct {
	text   string
	bounds Bounds
	pos    int
	out    *Outline
}

func (s *scanner) fault(kind Kind, start int, format string, args ...any) error {
	return &Fault{Kind: kind, At: Span{start, max(s.pos, start+1)}, Message: fmt.Sprintf(format, args...)}
}

// characters refuses what TOML allows nowhere.
func (s *scanner) characters() error {
	for i := 0; i < len(s.text); {
		r, size := utf8.DecodeRuneInString(s.text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return &Fault{Syntax, Span{i, i + 1}, fmt.Sprintf("the byte 0x%02x is not UTF-8; save the file as UTF-8", s.text[i])}
		case r == '\r' && strings.HasPrefix(s.text[i:], "\r\n"), r == '\n', r == '\t':
		case r < ' ', r == 0x7f:
			return &Fault{Syntax, Span{i, i + 1}, fmt.Sprintf("the control character %U is not allowed", r)}
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
		return nil, s.fault(Syntax, start, "there are no arrays of tables here; write [name] with single brackets")
	}
	path, _, err := s.key(nil)
	if err != nil {
		return nil, err
	}
	if s.next() != ']' {
		return nil, s.fault(Syntax, s.pos, "expected ']' after the name of the table, found %s", s.here())
	}
	s.pos++
	return path, s.record(path, Span{start, s.pos}, Span{})
}

// key reads a dotted key and the spaces after it, and returns its path below
// the given one.
func (s *scanner) key(below []string) ([]string, Span, error) {
	path := slices.Clone(below)
	s.spaces()
	at := Span{Start: s.pos}
	for {
		s.spaces()
		name, err := s.name()
		if err != nil {
			return nil, at, err
		}
		if len(path) == s.bounds.Depth {
			return nil, at, s.fault(TooComplex, at.Start, "a path of more than %d names", s.bounds.Depth)
		}
		path = append(path, name)
		at.End = s.pos
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
	case len(name) > s.bounds.KeyBytes:
		return "", s.fault(TooComplex, start, "a key of %d bytes; at most %d", len(name), s.bounds.KeyBytes)
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
			if len(open) == s.bounds.Depth {
				return s.fault(TooComplex, start, "more than %d brackets inside each other", s.bounds.Depth)
			}
			s.pos++
			open = append(open, bracket{table: c == '{', path: path, start: start})
		default:
			if err := s.scalar(); err != nil {
				return err
			}
			s.valueAt(path, Span{start, s.pos})
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
	return path, s.record(path, at, Span{})
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
			s.valueAt(top.path, Span{top.start, s.pos})
			open = open[:len(open)-1]
			continue
		}
		top.values++
		if top.table {
			path, err := s.assignment(top.path)
			return path, open, err
		}
		path := append(slices.Clone(top.path), strconv.Itoa(top.values-1))
		return path, open, s.record(path, Span{s.pos, s.pos + 1}, Span{})
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
func (s *scanner) record(path []string, key, value Span) error {
	for i := 1; i < len(path); i++ {
		if err := s.enter(path[:i], Entry{Key: key}); err != nil {
			return err
		}
	}
	return s.enter(path, Entry{Key: key, Value: value, Explicit: true})
}

func (s *scanner) enter(path []string, entry Entry) error {
	id := pathKey(path)
	old, seen := s.out.entries[id]
	switch {
	case seen && entry.Explicit && old.Explicit:
		line := 1 + strings.Count(s.text[:old.Key.Start], "\n")
		return &Fault{Duplicate, entry.Key, fmt.Sprintf("%s is already on line %d", Dotted(path), line)}
	case seen && !entry.Explicit:
		return nil
	case !seen:
		if s.out.count++; s.out.count > s.bounds.Entries {
			return &Fault{TooComplex, entry.Key, fmt.Sprintf("more than %d keys and values", s.bounds.Entries)}
		}
	}
	s.out.entries[id] = entry
	return nil
}

func (s *scanner) valueAt(path []string, at Span) {
	id := pathKey(path)
	entry := s.out.entries[id]
	if entry.Key.End == entry.Key.Start+1 && entry.Key.Start == at.Start {
		entry.Key = at // an array element
	}
	entry.Value = at
	s.out.entries[id] = entry
}

// Dotted renders a path as TOML writes it, quoting names that need it.
func Dotted(path []string) string {
	parts := make([]string, len(path))
	for i, name := range path {
		parts[i] = name
		if strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf || !isKeyByte(byte(r)) }) >= 0 || name == "" {
			parts[i] = strconv.Quote(name)
		}
	}
	return strings.Join(parts, ".")
}
