package stdlib

// byteSet is a set of bytes: what one item of a pattern matches.
type byteSet [4]uint64

func (s *byteSet) has(c byte) bool { return s[c>>6]>>(c&63)&1 != 0 }

func (s *byteSet) add(c byte) { s[c>>6] |= 1 << (c & 63) }

// addRange adds the bytes from lo to hi; none if lo is above hi.
func (s *byteSet) addRange(lo, hi byte) {
	for i := int(lo); i <= int(hi); i++ {
		s.add(byte(i))
	}
}

func (s *byteSet) union(t *byteSet) {
	for i := range s {
		s[i] |= t[i]
	}
}

func (s *byteSet) complement() {
	for i := range s {
		s[i] = ^s[i]
	}
}

// setOf returns the bytes for which in answers true.
func setOf(in func(c byte) bool) byteSet {
	var s byteSet
	for i := range 256 {
		if in(byte(i)) {
			s.add(byte(i))
		}
	}
	return s
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isAlpha(c byte) bool { return isLower(c) || isUpper(c) }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isPunct(c byte) bool { return '!' <= c && c <= '~' && !isAlpha(c) && !isDigit(c) }
func isCntrl(c byte) bool { return c < ' ' || c == 0x7f }
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }
func isHexDigit(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

var (
	anyByte = byteSet{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}

	// oneByte holds, for each byte, the set of that byte alone.
	oneByte = func() (sets [256]byteSet) {
		for i := range sets {
			sets[i].add(byte(i))
		}
		return sets
	}()

	// escaped holds, for each byte x, what %x matches: a character class of
	// the C locale (manual, section 5.4.1), or x itself.
	escaped = func() (sets [256]*byteSet) {
		for i := range sets {
			sets[i] = &oneByte[i]
		}
		for letter, in := range map[byte]func(byte) bool{
			'a': isAlpha, 'c': isCntrl, 'd': isDigit, 'l': isLower, 'p': isPunct, 's': isSpace, 'u': isUpper,
			'w': func(c byte) bool { return isAlpha(c) || isDigit(c) },
			'x': isHexDigit,
			'z': func(c byte) bool { return c == 0 },
		} {
			class := setOf(in)
			others := class
			others.complement()
			sets[letter], sets[letter-'a'+'A'] = &class, &others
		}
		return sets
	}()

	// magic holds the bytes that make a pattern more than a literal text.
	magic = setOf(func(c byte) bool {
		switch c {
		case '^', '$', '*', '+', '?', '.', '(', '[', '%', '-':
			return true
		}
		return false
	})
)

// patternError is a message of C Lua's matcher about a pattern.
type patternError string

func (e patternError) Error() string { return string(e) }

const (
	errEndsWithEscape  patternError = "malformed pattern (ends with '%')"
	errMissingBracket  patternError = "malformed pattern (missing ']')"
	errMissingFrontier patternError = "missing '[' after '%f' in pattern"
	errUnbalanced      patternError = "unbalanced pattern"
	errTooManyCaptures patternError = "too many captures"
	errPatternCapture  patternError = "invalid pattern capture"
	errCaptureIndex    patternError = "invalid capture index"
	errUnfinished      patternError = "unfinished capture"
)

// maxCaptures is LUA_MAXCAPTURES in C Lua's luaconf.h.
const maxCaptures = 32

type opcode uint8

const (
	opByte     opcode = iota // the byte a, once
	opSet                    // a byte of set, repeated as rep says
	opOpen                   // capture a begins
	opPosition               // capture a is the position
	opClose                  // capture a ends
	opCapture                // the text of capture a again
	opBalance                // %b with the delimiters a and b
	opFrontier               // %f with set
	opEnd                    // the end of the subject
	opMatched                // the end of the pattern
)

type repetition uint8

const (
	once     repetition = iota
	optional            // ?
	star                // *
	plus                // +
	lazy                // -
)

// item is one item of a translated pattern.
type item struct {
	op   opcode
	rep  repetition
	a, b byte
	set  *byteSet
}

const (
	itemBytes = 16
	setBytes  = 32
)

// translate appends the next item of the pattern. The matcher calls it when a
// match first gets that far, so that, as in C Lua, only what is reached is
// found malformed. Its own errors are patternErrors.
func (m *matcher) translate(w worker) error {
	pat, p := m.pat, m.next
	if p == len(pat) {
		return m.addItem(w, item{op: opMatched}, p)
	}
	c := pat[p]
	switch c {
	case '(':
		n := len(m.captures)
		if n == maxCaptures {
			return errTooManyCaptures
		}
		if err := m.addCapture(w); err != nil {
			return err
		}
		if p+1 < len(pat) && pat[p+1] == ')' {
			return m.addItem(w, item{op: opPosition, a: byte(n)}, p+2)
		}
		m.unclosed |= 1 << n
		return m.addItem(w, item{op: opOpen, a: byte(n)}, p+1)
	case ')':
		for n := len(m.captures) - 1; n >= 0; n-- {
			if m.unclosed>>n&1 != 0 {
				m.unclosed &^= 1 << n
				return m.addItem(w, item{op: opClose, a: byte(n)}, p+1)
			}
		}
		return errPatternCapture
	case '$':
		if p+1 == len(pat) {
			return m.addItem(w, item{op: opEnd}, p+1)
		}
	case '.':
		return m.addSet(w, &anyByte, p+1)
	case '[':
		set, end, err := m.bracket(w, p)
		if err != nil {
			return err
		}
		return m.addSet(w, set, end)
	case '%':
		if p+1 == len(pat) {
			return errEndsWithEscape
		}
		switch x := pat[p+1]; {
		case x == 'b':
			if p+3 >= len(pat) {
				return errUnbalanced
			}
			return m.addItem(w, item{op: opBalance, a: pat[p+2], b: pat[p+3]}, p+4)
		case x == 'f':
			if p+2 >= len(pat) || pat[p+2] != '[' {
				return errMissingFrontier
			}
			set, end, err := m.bracket(w, p+2)
			if err != nil {
				return err
			}
			return m.addItem(w, item{op: opFrontier, set: set}, end)
		case isDigit(x):
			n := int(x) - '1'
			if n < 0 || n >= len(m.captures) || m.unclosed>>n&1 != 0 {
				return errCaptureIndex
			}
			return m.addItem(w, item{op: opCapture, a: byte(n)}, p+2)
		default:
			return m.addSet(w, escaped[x], p+2)
		}
	}
	if p+1 == len(pat) || !isSuffix(pat[p+1]) {
		return m.addItem(w, item{op: opByte, a: c}, p+1)
	}
	return m.addSet(w, &oneByte[c], p+1)
}

func isSuffix(c byte) bool { return c == '?' || c == '*' || c == '+' || c == '-' }

// bracket reads the set that begins at pat[p], a '[', and returns it and the
// offset behind it.
func (m *matcher) bracket(w worker, p int) (set *byteSet, end int, err error) {
	pat := m.pat
	p++
	negated := p < len(pat) && pat[p] == '^'
	if negated {
		p++
	}
	// The set ends at the first ']' that is neither its first byte nor escaped.
	last := p
	for {
		if last >= len(pat) {
			return nil, 0, errMissingBracket
		}
		if err := m.spend(w, 1); err != nil {
			return nil, 0, err
		}
		c := pat[last]
		if c == ']' && last > p {
			break
		}
		last++
		if c == '%' && last < len(pat) {
			last++
		}
	}
	if set, err = m.newSet(w); err != nil {
		return nil, 0, err
	}
	// The members are read apart from the end, as C Lua does: in "[+-%]]" the
	// end is found with "%]" taken together, the range with '%' on its own.
	for p < last {
		if err := m.spend(w, 1); err != nil {
			return nil, 0, err
		}
		switch {
		case pat[p] == '%':
			set.union(escaped[pat[p+1]])
			p += 2
		case pat[p+1] == '-' && p+2 < last:
			set.addRange(pat[p], pat[p+2])
			p += 3
			if err := m.spend(w, setBytes/itemBytes); err != nil {
				return nil, 0, err
			}
		default:
			set.add(pat[p])
			p++
		}
	}
	if negated {
		set.complement()
	}
	return set, last + 1, nil
}

// newSet returns an empty set: one of those in the matcher itself, or a new one.
func (m *matcher) newSet(w worker) (*byteSet, error) {
	if m.setsUsed < len(m.inlineSets) {
		set := &m.inlineSets[m.setsUsed]
		m.setsUsed++
		*set = byteSet{}
		return set, nil
	}
	if err := w.Reserve(setBytes); err != nil {
		return nil, err
	}
	m.setsUsed++
	return new(byteSet), nil
}

// addSet appends an item that matches a byte of set, with the suffix that
// stands at offset next of the pattern, if any.
func (m *matcher) addSet(w worker, set *byteSet, next int) error {
	it := item{op: opSet, set: set}
	if next < len(m.pat) {
		switch m.pat[next] {
		case '?':
			it.rep = optional
		case '*':
			it.rep = star
		case '+':
			it.rep = plus
		case '-':
			it.rep = lazy
		}
	}
	if it.rep != once {
		next++
	}
	return m.addItem(w, it, next)
}

// addItem appends it; the pattern goes on at offset next.
func (m *matcher) addItem(w worker, it item, next int) error {
	if err := m.spend(w, 1); err != nil {
		return err
	}
	if len(m.items) == cap(m.items) {
		size := 2 * cap(m.items)
		if err := m.payGrowth(w, int64(size)*itemBytes); err != nil {
			return err
		}
		items := make([]item, len(m.items), size)
		copy(items, m.items)
		m.items = items
	}
	m.items = append(m.items, it)
	m.next = next
	return nil
}

func (m *matcher) addCapture(w worker) error {
	if len(m.captures) == cap(m.captures) {
		if err := w.Reserve(maxCaptures * captureBytes); err != nil {
			return err
		}
		captures := make([]capture, len(m.captures), maxCaptures)
		copy(captures, m.captures)
		m.captures = captures
	}
	m.captures = append(m.captures, capture{})
	return nil
}

// payGrowth reserves n bytes that m is about to hold, and what it holds already
// once more: a census does not see m while it works, and so m alone cannot pass
// the limit of memory.
func (m *matcher) payGrowth(w worker, n int64) error {
	return w.Reserve(m.bytes() + n)
}
