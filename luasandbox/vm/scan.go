package vm

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/luasandbox/modrunner/limits"
)

// scanner reads source text once before the parser does. It bounds what the
// parser and the compiler will meet (size, nesting), finds lexical mistakes with
// C Lua's messages, and writes out a text that the parser reads as C Lua would:
// comments blanked, white space that it does not know replaced, hexadecimal
// fractions rewritten. Lines stay as they are.
//
// It is iterative, and linear in time and memory.
type scanner struct {
	chunk   string
	src     string
	out     []byte
	pos     int
	line    int
	start   int // offset of the current line
	tokens  int64
	held    int // the `..` that the parser keeps until it has seen what is to their right
	most    int // the most of those at a time
	depth   int // operators that nest, which it keeps likewise and the compiler recurses on
	deepest int // the most openers at a time
	nesting int
	openers []opener
	pending opener // a `while` or `for` whose `do` has not come yet
	usesArg bool   // the identifier `arg` occurs

	last    tokenClass
	operand bool // the last token ended an operand
	fresh   bool // a line ended since the last token
	names   bool // in the names of a `local`, `goto` or `function`, after which a call is not meant
}

// tokenClass is what the scanner remembers of the last token, for the rules of C
// Lua's grammar that the parser does not have.
type tokenClass uint8

const (
	otherToken  tokenClass = iota
	prefixToken            // may be called: a name, `)`, `]`, or an argument without parentheses
	separator              // `;`, or the beginning of a block
	comma
)

type opener struct {
	word   string
	line   int
	held   int // of the scanner, where it stands
	depth  int
	params bool // the parenthesis of a parameter list
	call   bool // the brace of a table that is an argument
}

// scan returns the text for the parser.
func scan(chunk, src string, l limits.Limits) (*scanner, error) {
	if err := l.Check(limits.Source, int64(len(src))); err != nil {
		return nil, &SyntaxError{Chunk: chunk, Line: 1, Message: "source is too large: " + err.Error(), Err: err}
	}
	s := &scanner{chunk: chunk, src: src, out: []byte(src), line: 1, last: separator, nesting: int(min(l.Nesting, 1000))}
	if strings.HasPrefix(src, "\x1b") {
		return nil, s.fail("precompiled chunks are not accepted; only source text is", "")
	}
	if err := s.run(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *scanner) fail(msg, near string) error {
	return &SyntaxError{Chunk: s.chunk, Line: s.line, Column: s.pos - s.start + 1, Near: shorten(near), Message: msg}
}

// shorten bounds a token that an error shows and keeps it printable.
func shorten(s string) string {
	const most = 40
	cut := len(s) > most
	if cut {
		s = s[:most]
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n' || c == '\r' || c == '\t':
			b.WriteByte(' ')
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, "\\%d", c)
		default:
			b.WriteByte(c)
		}
	}
	if cut {
		b.WriteString("...")
	}
	return b.String()
}

func (s *scanner) peek(n int) byte {
	if s.pos+n < len(s.src) {
		return s.src[s.pos+n]
	}
	return 0
}

// newline steps over a line end, of one or two bytes.
func (s *scanner) newline() {
	c := s.src[s.pos]
	s.pos++
	if s.pos < len(s.src) && (s.src[s.pos] == '\n' || s.src[s.pos] == '\r') && s.src[s.pos] != c {
		s.pos++
	}
	s.line++
	s.start = s.pos
	s.fresh = true
}

func isAlpha(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (s *scanner) run() error {
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		switch {
		case c == '\n' || c == '\r':
			s.newline()
			continue
		case c == ' ' || c == '\t':
			s.pos++
			continue
		case c == '\v' || c == '\f':
			s.out[s.pos] = ' '
			s.pos++
			continue
		case c == '-' && s.peek(1) == '-':
			if err := s.comment(); err != nil {
				return err
			}
			continue
		}
		s.tokens++
		if err := s.checkSequence(c); err != nil {
			return err
		}
		names, last, operand := s.names, s.last, s.operand
		s.last, s.fresh, s.names, s.operand = otherToken, false, false, false
		var err error
		switch {
		case isAlpha(c):
			err = s.word(names)
		case isDigit(c) || c == '.' && isDigit(s.peek(1)):
			err, s.operand = s.number(), true
		case c == '"' || c == '\'':
			err, s.operand = s.quoted(c), true
			s.argument(last)
		case c == '[' && (s.peek(1) == '[' || s.peek(1) == '='):
			err, s.operand = s.long("string"), true
			s.argument(last)
		default:
			err = s.symbol(c, names, last, operand)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// argument marks the end of a string: after what can be called it is an argument.
func (s *scanner) argument(last tokenClass) {
	s.fresh = false // the lines of the string itself do not count
	if last == prefixToken {
		s.last = prefixToken
	}
}

// checkSequence refuses three things that C Lua 5.1 refuses and the parser takes:
// an empty statement, an empty field, and a call whose parenthesis begins a line.
func (s *scanner) checkSequence(c byte) error {
	if (c == ';' || c == ',') && (s.last == separator || s.last == comma) {
		return s.fail("unexpected symbol", string(c))
	}
	if c == '(' && s.last == prefixToken && s.fresh && !s.names {
		return s.fail("ambiguous syntax (function call x new statement)", "(")
	}
	return nil
}

// comment blanks a comment.
func (s *scanner) comment() error {
	from := s.pos
	s.pos += 2
	if s.peek(0) == '[' {
		n := 1
		for s.peek(n) == '=' {
			n++
		}
		if s.peek(n) == '[' {
			if err := s.long("comment"); err != nil {
				return err
			}
			s.blank(from)
			return nil
		}
	}
	for s.pos < len(s.src) && s.src[s.pos] != '\n' && s.src[s.pos] != '\r' {
		s.pos++
	}
	s.blank(from)
	return nil
}

func (s *scanner) blank(from int) {
	for i := from; i < s.pos; i++ {
		if c := s.out[i]; c != '\n' && c != '\r' {
			s.out[i] = ' '
		}
	}
}

// long steps over a long bracket, of a string or a comment.
func (s *scanner) long(what string) error {
	from := s.pos
	level := 0
	s.pos++
	for s.peek(0) == '=' {
		s.pos++
		level++
	}
	if s.peek(0) != '[' || s.pos >= len(s.src) {
		return s.fail("invalid long string delimiter", s.src[from:s.pos])
	}
	s.pos++
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; c {
		case '\n', '\r':
			s.newline()
		case ']':
			n := 0
			for s.peek(n+1) == '=' {
				n++
			}
			if n == level && s.peek(n+1) == ']' {
				s.pos += n + 2
				return nil
			}
			s.pos += n + 1
		default:
			s.pos++
		}
	}
	return s.fail("unfinished long "+what, "<eof>")
}

func (s *scanner) quoted(quote byte) error {
	from := s.pos
	s.pos++
	for {
		if s.pos >= len(s.src) {
			return s.fail("unfinished string", "<eof>")
		}
		switch c := s.src[s.pos]; {
		case c == quote:
			s.pos++
			return nil
		case c == '\n' || c == '\r':
			return s.fail("unfinished string", s.src[from:s.pos])
		case c != '\\':
			s.pos++
		case isDigit(s.peek(1)):
			n := 0
			s.pos++
			for i := 0; i < 3 && isDigit(s.peek(0)); i++ {
				n = n*10 + int(s.src[s.pos]-'0')
				s.pos++
			}
			if n > 255 {
				return s.fail("escape sequence too large", s.src[from:s.pos])
			}
		case s.peek(1) == '\n' || s.peek(1) == '\r':
			s.pos++
			if s.pos < len(s.src) {
				s.newline()
			}
		default:
			s.pos += 2
		}
	}
}

// number checks a numeral as C Lua reads it: digits and points, an exponent, and
// whatever letters follow, which all must make one number.
func (s *scanner) number() error {
	from := s.pos
	for isDigit(s.peek(0)) || s.peek(0) == '.' {
		s.pos++
	}
	if s.peek(0)|0x20 == 'e' {
		s.pos++
		if s.peek(0) == '+' || s.peek(0) == '-' {
			s.pos++
		}
	}
	for isDigit(s.peek(0)) || isAlpha(s.peek(0)) {
		s.pos++
	}
	text := s.src[from:s.pos]
	f, ok := ParseNumber(text)
	if !ok {
		return s.fail("malformed number", text)
	}
	if len(text) > 2 && text[1]|0x20 == 'x' && strings.ContainsAny(text, ".pP") {
		decimal := strconv.FormatFloat(f, 'e', -1, 64)
		if whole := strconv.FormatFloat(f, 'f', -1, 64); len(whole) < len(decimal) {
			decimal = whole
		}
		if math.IsInf(f, 0) {
			decimal = "1e999"
		}
		if len(decimal) > len(text) {
			return s.fail("hexadecimal fraction too short to rewrite; write it in decimal", text)
		}
		copy(s.out[from:], decimal)
		for i := from + len(decimal); i < s.pos; i++ {
			s.out[i] = ' '
		}
	}
	return nil
}

func (s *scanner) word(names bool) error {
	from := s.pos
	for s.pos < len(s.src) && (isAlpha(s.src[s.pos]) || isDigit(s.src[s.pos])) {
		s.pos++
	}
	switch w := s.src[from:s.pos]; w {
	case "function":
		s.names = true // up to its parameters
		return s.open(opener{word: w, line: s.line})
	case "local", "goto":
		s.names = true
		s.release()
	case "if":
		s.release()
		return s.open(opener{word: w, line: s.line})
	case "repeat":
		s.last = separator
		s.release()
		return s.open(opener{word: w, line: s.line})
	case "while", "for":
		s.release()
		s.pending = opener{word: w, line: s.line}
	case "do":
		s.last = separator
		s.release()
		o := opener{word: w, line: s.line}
		if s.pending.word != "" {
			o, s.pending = s.pending, opener{}
		}
		return s.open(o)
	case "end", "until":
		s.close()
		s.operand = w == "end"
	case "else", "then":
		s.last = separator
		s.release()
	case "not":
		return s.nest()
	case "and", "break", "elseif", "in", "or", "return":
		s.release()
	case "false", "nil", "true":
		s.operand = true
	default:
		s.operand = true
		s.usesArg = s.usesArg || w == "arg"
		s.last, s.names = prefixToken, names
	}
	return nil
}

func (s *scanner) symbol(c byte, names bool, last tokenClass, operand bool) error {
	switch c {
	case '(', '{', '[':
		o := opener{word: string(c), line: s.line, params: c == '(' && names, call: last == prefixToken}
		if err := s.open(o); err != nil {
			return err
		}
	case ')', '}', ']':
		s.operand = true
		switch o := s.close(); {
		case o.params:
			s.last = separator
		case c != '}' || o.call:
			s.last = prefixToken
		}
	case ';':
		s.last = separator
		s.release()
	case '~':
		s.release()
		if s.peek(1) != '=' {
			return s.fail("unexpected symbol", "~")
		}
		s.pos++
	case ',':
		s.last, s.names = comma, names
		s.release()
	case '.', ':':
		if c == '.' && s.peek(1) == '.' && s.peek(2) == '.' {
			s.pos += 2
			s.operand = true
			break
		}
		if c == '.' && s.peek(1) == '.' {
			s.pos++
			s.reduce()
			s.hold()
			break
		}
		s.names = names
	case '^', '#':
		s.pos++
		return s.nest()
	case '-':
		if !operand {
			s.pos++
			return s.nest()
		}
		s.reduce()
	case '=', '<', '>':
		s.release()
	case '+', '*', '/', '%':
		s.reduce()
	default:
		if c < ' ' || c >= 0x7f {
			return s.fail("unexpected symbol", fmt.Sprintf("char(%d)", c))
		}
		return s.fail("unexpected symbol", string(c))
	}
	s.pos++
	return nil
}

// nest counts an operator that nests what is to its right: `^`, or one of one
// operand. A chain of them may not be longer than what the compiler recurses on.
func (s *scanner) nest() error {
	if s.depth++; s.depth > maxCompileDepth {
		return s.tooDeep(maxCompileDepth)
	}
	s.most = max(s.most, s.held+s.depth)
	return nil
}

// hold counts a `..`, which waits for what is to its right.
func (s *scanner) hold() {
	s.held++
	s.most = max(s.most, s.held+s.depth)
}

// reduce is called at an operator that those which nest do not wait for.
func (s *scanner) reduce() {
	s.depth = 0
	if n := len(s.openers); n > 0 {
		s.depth = s.openers[n-1].depth
	}
}

// release is called where the operators of an expression cannot wait any longer.
func (s *scanner) release() {
	s.reduce()
	s.held = 0
	if n := len(s.openers); n > 0 {
		s.held = s.openers[n-1].held
	}
}

func (s *scanner) tooDeep(most int) error {
	return &SyntaxError{
		Chunk: s.chunk, Line: s.line, Column: s.pos - s.start + 1,
		Message: "chunk has too many syntax levels",
		Err:     &limits.Error{Kind: limits.Nesting, Used: int64(most), Max: int64(most), Asked: int64(most) + 1},
	}
}

func (s *scanner) open(o opener) error {
	if len(s.openers) >= s.nesting {
		return s.tooDeep(s.nesting)
	}
	o.held, o.depth = s.held, s.depth
	s.openers = append(s.openers, o)
	s.deepest = max(s.deepest, len(s.openers))
	return nil
}

func (s *scanner) close() (o opener) {
	if n := len(s.openers); n > 0 {
		o = s.openers[n-1]
		s.openers = s.openers[:n-1]
		s.held, s.depth = o.held, o.depth
	}
	return o
}

// unclosed describes what is missing at the end of the text, as C Lua does.
func (s *scanner) unclosed() (msg string, ok bool) {
	if len(s.openers) == 0 {
		return "", false
	}
	o := s.openers[len(s.openers)-1]
	closer := map[string]string{"(": ")", "{": "}", "[": "]", "repeat": "until"}[o.word]
	if closer == "" {
		closer = "end"
	}
	if o.line == s.line {
		return fmt.Sprintf("'%s' expected", closer), true
	}
	return fmt.Sprintf("'%s' expected (to close '%s' at line %d)", closer, o.word, o.line), true
}

// ChunkName returns how messages show a chunk that a script made from text: C
// Lua's luaO_chunkid for a chunk named by its own source.
func ChunkName(text string) string {
	const most = 60 - len(`[string "..."]`) - 1
	first, more := text, false
	if i := strings.IndexAny(first, "\n\r"); i >= 0 {
		first, more = first[:i], true
	}
	if len(first) > most {
		first, more = first[:most], true
	}
	if more {
		first += "..."
	}
	return `[string "` + first + `"]`
}

// ParseNumber reads s as C Lua's tonumber does: decimal with fraction and
// exponent, or hexadecimal, with white space around; and, as strtod does, "inf",
// "infinity" and "nan".
func ParseNumber(s string) (float64, bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	t := s
	if t != "" && (t[0] == '-' || t[0] == '+') {
		t = t[1:]
	}
	if len(t) < 9 && (strings.EqualFold(t, "inf") || strings.EqualFold(t, "infinity") || strings.EqualFold(t, "nan")) {
		f, _ := strconv.ParseFloat(t, 64)
		if s[0] == '-' {
			f = -f
		}
		return f, true
	}
	if t == "" || !isDigit(t[0]) && (t[0] != '.' || len(t) < 2 || !isDigit(t[1])) {
		return 0, false
	}
	if strings.IndexByte(t, '_') >= 0 {
		return 0, false
	}
	if len(t) > 1 && t[0] == '0' && t[1]|0x20 == 'x' {
		if !strings.ContainsAny(t, "pP") {
			s += "p0"
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		if e, ok := err.(*strconv.NumError); !ok || e.Err != strconv.ErrRange {
			return 0, false
		}
	}
	return f, true
}
