package gate

import (
	"unicode/utf8"
)

// spot is a place in a file: line and column from 1, the column in characters.
type spot struct{ line, column int32 }

// tokens are what the syntax tree does not have of a source text: columns, and how
// its strings and lines were written.
type tokens struct {
	spots   map[string][]spot // where names are read or assigned, and loops begin, in the order of the text
	strings []literal         // the ones that could hide something
	crowded []spot            // lines with very many words
	odd     map[string]bool   // names that are hard to tell apart
	oddAt   spot              // the first of them
}

// literal is a string that was written in an unusual way.
type literal struct {
	at      spot
	bytes   int // that it stands for
	escapes int // of them written as numbers
	encoded bool
}

// What is unusual; RULES.md tells the numbers.
const (
	leastEscapes = 64  // bytes of one string written as numbers, and half of it
	leastEncoded = 512 // bytes of one string that looks like base64 or hexadecimal digits
	mostWords    = 200 // names and keywords on one line
	leastOdd     = 5   // names that are made of l, I, 1, O, 0 and _, or begin with _0x
)

// tokenizer steps over a text that the parser has accepted.
type tokenizer struct {
	text   string
	pos    int
	line   int32
	start  int // offset that column counts from
	column int32
	words  int
	out    *tokens

	last      tokenKind
	openers   []byte // '(' '[' '{', and 'b' for blocks
	declaring bool   // in the names of a local or a for
	named     bool   // after "local function"
	header    bool   // after function, before its parameters
	params    bool
}

type tokenKind uint8

const (
	otherKind tokenKind = iota
	dotKind             // '.' or ':', after which a name is a field's
	gotoKind
	localKind
	fieldKind // where a field of a table may begin
)

// tokenize looks at a text that the parser has accepted; of another its findings mean
// nothing. Time and memory are linear in the text.
func tokenize(text string) *tokens {
	t := &tokenizer{text: text, line: 1, column: 1, out: &tokens{spots: map[string][]spot{}, odd: map[string]bool{}}}
	for t.pos < len(t.text) {
		t.next()
	}
	t.endLine()
	return t.out
}

// at returns the place of an offset on the current line, at or behind the last one
// that was asked for.
func (t *tokenizer) at(offset int) spot {
	t.column += int32(utf8.RuneCountInString(t.text[t.start:offset]))
	t.start = offset
	return spot{t.line, t.column}
}

func (t *tokenizer) peek(n int) byte {
	if t.pos+n < len(t.text) {
		return t.text[t.pos+n]
	}
	return 0
}

func (t *tokenizer) newline() {
	c := t.text[t.pos]
	t.pos++
	if t.pos < len(t.text) && (t.text[t.pos] == '\n' || t.text[t.pos] == '\r') && t.text[t.pos] != c {
		t.pos++
	}
	t.endLine()
	t.line++
	t.start, t.column = t.pos, 1
}

func (t *tokenizer) endLine() {
	if t.words > mostWords && len(t.out.crowded) < MaxOfRule {
		t.out.crowded = append(t.out.crowded, spot{t.line, 1})
	}
	t.words = 0
}

func isAlpha(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (t *tokenizer) next() {
	c := t.text[t.pos]
	switch {
	case c == '\n' || c == '\r':
		t.newline()
	case c == ' ' || c == '\t' || c == '\v' || c == '\f':
		t.pos++
	case c == '-' && t.peek(1) == '-':
		t.pos += 2
		if t.peek(0) == '[' && t.level() >= 0 {
			t.long()
			return
		}
		for t.pos < len(t.text) && t.text[t.pos] != '\n' && t.text[t.pos] != '\r' {
			t.pos++
		}
	case isAlpha(c):
		t.word()
	case isDigit(c) || c == '.' && isDigit(t.peek(1)):
		t.number()
		t.mark(otherKind)
	case c == '"' || c == '\'':
		t.quoted(c)
		t.mark(otherKind)
	case c == '[' && t.level() >= 0:
		t.long()
		t.mark(otherKind)
	default:
		t.symbol(c)
	}
}

// mark ends a token that ends what names are declared in.
func (t *tokenizer) mark(kind tokenKind) { t.last, t.declaring = kind, false }

// level returns how many '=' a long bracket that begins here has; -1: there is none.
func (t *tokenizer) level() int {
	n := 1
	for t.peek(n) == '=' {
		n++
	}
	if t.peek(n) == '[' {
		return n - 1
	}
	return -1
}

// long steps over a long bracket.
func (t *tokenizer) long() {
	at, level := t.at(t.pos), t.level()
	t.pos += level + 2
	from := t.pos
	var shape alphabet
	for t.pos < len(t.text) {
		switch c := t.text[t.pos]; c {
		case '\n', '\r':
			t.newline()
			continue
		case ']':
			n := 0
			for t.peek(n+1) == '=' {
				n++
			}
			if n == level && t.peek(n+1) == ']' {
				t.literal(literal{at: at, bytes: t.pos - from, encoded: shape.encoded()})
				t.pos += n + 2
				return
			}
			shape.add(c)
			t.pos++
		default:
			shape.add(c)
			t.pos++
		}
	}
}

// quoted steps over a string in quotes.
func (t *tokenizer) quoted(quote byte) {
	at := t.at(t.pos)
	t.pos++
	lit := literal{at: at}
	var shape alphabet
	for t.pos < len(t.text) && t.text[t.pos] != quote {
		lit.bytes++
		switch c := t.text[t.pos]; {
		case c == '\\' && isDigit(t.peek(1)):
			lit.escapes++
			t.pos++
			for i := 0; i < 3 && isDigit(t.peek(0)); i++ {
				t.pos++
			}
		case c == '\\' && (t.peek(1) == '\n' || t.peek(1) == '\r'):
			t.pos++
			t.newline()
		case c == '\\':
			t.pos = min(t.pos+2, len(t.text))
		default:
			shape.add(c)
			t.pos++
		}
	}
	t.pos = min(t.pos+1, len(t.text))
	lit.encoded = shape.encoded()
	t.literal(lit)
}

func (t *tokenizer) literal(lit literal) {
	if (lit.escapes >= leastEscapes && 2*lit.escapes >= lit.bytes || lit.encoded) && len(t.out.strings) < MaxOfRule {
		t.out.strings = append(t.out.strings, lit)
	}
}

// alphabet tells texts of base64 or hexadecimal digits from others.
type alphabet struct {
	n, kinds int
	seen     [256]bool
	other    bool
}

func (a *alphabet) add(c byte) {
	a.n++
	if !isAlpha(c) && !isDigit(c) && c != '+' && c != '/' && c != '=' && c != '-' {
		a.other = true
	}
	if !a.seen[c] {
		a.seen[c] = true
		a.kinds++
	}
}

func (a *alphabet) encoded() bool { return a.n >= leastEncoded && !a.other && a.kinds >= 14 }

func (t *tokenizer) number() {
	for isDigit(t.peek(0)) || t.peek(0) == '.' {
		t.pos++
	}
	if t.peek(0)|0x20 == 'e' {
		t.pos++
		if t.peek(0) == '+' || t.peek(0) == '-' {
			t.pos++
		}
	}
	for isDigit(t.peek(0)) || isAlpha(t.peek(0)) {
		t.pos++
	}
}

func (t *tokenizer) word() {
	from := t.pos
	for t.pos < len(t.text) && (isAlpha(t.text[t.pos]) || isDigit(t.text[t.pos])) {
		t.pos++
	}
	t.words++
	last := t.last
	switch w := t.text[from:t.pos]; w {
	case "function":
		t.open('b')
		t.header, t.named = true, last == localKind
		t.mark(otherKind)
	case "if", "do":
		t.open('b')
		t.mark(otherKind)
	case "while", "repeat":
		if w == "repeat" {
			t.open('b')
		}
		t.occurs(w, from)
		t.mark(otherKind)
	case "for":
		t.occurs(w, from)
		t.last, t.declaring = otherKind, true
	case "local":
		t.last, t.declaring = localKind, true
	case "end", "until":
		t.close()
		t.mark(otherKind)
	case "goto":
		t.mark(gotoKind)
	case "and", "break", "else", "elseif", "false", "in", "nil", "not", "or", "return", "then", "true":
		t.mark(otherKind)
	default:
		t.name(w, from, last)
	}
}

// name notes a name that is read or assigned, and no field, label or declaration.
func (t *tokenizer) name(w string, from int, last tokenKind) {
	t.last = otherKind
	if len(t.out.odd) < 1000 && confusable(w) {
		if len(t.out.odd) == 0 {
			t.out.oddAt = t.at(from)
		}
		t.out.odd[w] = true
	}
	switch {
	case last == dotKind, last == gotoKind, t.declaring, t.params, t.named && t.header:
		return
	case last == fieldKind && t.key():
		return
	}
	t.occurs(w, from)
}

// key reports whether what follows makes a name the key of a field.
func (t *tokenizer) key() bool {
	if n := len(t.openers); n == 0 || t.openers[n-1] != '{' {
		return false
	}
	for i := t.pos; i < len(t.text); i++ {
		switch t.text[i] {
		case ' ', '\t', '\n', '\r', '\v', '\f':
			continue
		case '=':
			return i+1 >= len(t.text) || t.text[i+1] != '='
		}
		return false
	}
	return false
}

func (t *tokenizer) occurs(w string, from int) {
	t.out.spots[w] = append(t.out.spots[w], t.at(from))
}

func (t *tokenizer) open(c byte) { t.openers = append(t.openers, c) }

func (t *tokenizer) close() {
	if n := len(t.openers); n > 0 {
		t.openers = t.openers[:n-1]
	}
}

func (t *tokenizer) symbol(c byte) {
	t.pos++
	switch c {
	case '(':
		t.open(c)
		t.params, t.header, t.named = t.header, false, false
	case '[':
		t.open(c)
	case '{':
		t.open(c)
		t.mark(fieldKind)
		return
	case ')':
		t.params = false
		t.close()
	case ']', '}':
		t.close()
	case ',':
		if t.last = fieldKind; t.declaring || t.params {
			t.last = otherKind
		}
		return // names go on
	case ';':
		t.mark(fieldKind)
		return
	case ':':
		t.mark(dotKind)
		return
	case '.':
		if t.peek(0) == '.' {
			for t.peek(0) == '.' {
				t.pos++
			}
			break
		}
		t.mark(dotKind)
		return
	}
	t.mark(otherKind)
}

// confusable reports whether a name was chosen to be hard to read.
func confusable(w string) bool {
	if len(w) > 4 && w[0] == '_' && w[1] == '0' && w[2] == 'x' {
		return true
	}
	letters, digits := 0, 0
	for i := 0; i < len(w); i++ {
		switch w[i] {
		case 'l', 'I', 'O':
			letters++
		case '1', '0':
			digits++
		case '_':
		default:
			return false
		}
	}
	return len(w) >= 4 && letters > 0 && letters+digits >= 3 && w != "llll"
}
