// Package reference has the parts of Lua's string library that are hard to get
// right, written a second time, straight from the manual: slow, and simple enough
// to believe. Tests and fuzz targets hold the library against it. It shares no code
// with the library.
package reference

import (
	"errors"
	"strings"
)

// Pattern matches as section 5.4.1 of the manual reads: by recursion, straight from
// the pattern's text, with a copy of the captures at each step.
type Pattern struct {
	s, p  string
	steps int
}

// Capture is one capture of a match. Offsets are bytes of the subject, from 0.
type Capture struct {
	Start, End     int
	Open, Position bool
}

// Match is where a pattern matched.
type Match struct {
	Start, End int
	Captures   []Capture
}

// PatternError is a bad pattern, in the words of C Lua.
type PatternError string

// Error returns the words.
func (e PatternError) Error() string { return string(e) }

// ErrTired is the error of a search that takes too many steps.
var ErrTired = errors.New("the reference gave up")

const (
	maxSteps    = 200_000
	maxCaptures = 32 // LUA_MAXCAPTURES
)

// Find returns the first match of p in s at or after the offset init, or nil. A '^'
// that p begins with anchors the match at init. The errors are [PatternError] and
// [ErrTired].
func Find(s, p string, init int) (*Match, error) {
	rest, anchored := strings.CutPrefix(p, "^")
	return (&Pattern{s: s, p: rest}).find(init, anchored)
}

func (r *Pattern) find(init int, anchored bool) (found *Match, err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case error:
			err = e
		default:
			panic(e)
		}
	}()
	for start := init; start <= len(r.s) && !(anchored && start > init); start++ {
		if end, captures, ok := r.match(start, 0, nil); ok {
			return &Match{start, end, captures}, nil
		}
	}
	return nil, nil
}

// match matches the pattern from p on against the subject from s on.
func (r *Pattern) match(s, p int, captures []Capture) (end int, result []Capture, ok bool) {
	if r.steps++; r.steps > maxSteps {
		panic(ErrTired)
	}
	rest := r.p[p:]
	switch {
	case rest == "":
		return s, captures, true
	case rest == "$":
		return s, captures, s == len(r.s)
	case strings.HasPrefix(rest, "()"):
		return r.match(s, p+2, r.opened(captures, Capture{Start: s, Position: true}))
	case rest[0] == '(':
		return r.match(s, p+1, r.opened(captures, Capture{Start: s, Open: true}))
	case rest[0] == ')':
		for i := len(captures) - 1; i >= 0; i-- {
			if captures[i].Open {
				closed := append([]Capture(nil), captures...)
				closed[i].Open, closed[i].End = false, s
				return r.match(s, p+1, closed)
			}
		}
		panic(PatternError("invalid pattern capture"))
	case strings.HasPrefix(rest, "%b"):
		if len(rest) < 4 {
			panic(PatternError("unbalanced pattern"))
		}
		depth := 0
		for i := s; i < len(r.s); i++ {
			switch r.s[i] {
			case rest[3]:
				if i > s {
					depth--
					break
				}
				fallthrough
			case rest[2]:
				depth++
			}
			if i == s && r.s[i] != rest[2] {
				return 0, nil, false
			}
			if depth == 0 {
				return r.match(i+1, p+4, captures)
			}
		}
		return 0, nil, false
	case strings.HasPrefix(rest, "%f"):
		if len(rest) < 3 || rest[2] != '[' {
			panic(PatternError("missing '[' after '%f' in pattern"))
		}
		n, in := r.single(rest[2:])
		around := "\x00" + r.s + "\x00"
		if in(around[s]) || !in(around[s+1]) {
			return 0, nil, false
		}
		return r.match(s, p+2+n, captures)
	case len(rest) > 1 && rest[0] == '%' && '0' <= rest[1] && rest[1] <= '9':
		i := int(rest[1] - '1')
		if rest[1] == '0' || i >= len(captures) || captures[i].Open {
			panic(PatternError("invalid capture index"))
		}
		c := captures[i]
		if c.Position || !strings.HasPrefix(r.s[s:], r.s[c.Start:c.End]) {
			return 0, nil, false
		}
		return r.match(s+c.End-c.Start, p+2, captures)
	}

	n, in := r.single(rest)
	after := p + n
	suffix := byte(0)
	if n < len(rest) {
		suffix = rest[n]
	}
	fits := func(i int) bool { return i < len(r.s) && in(r.s[i]) }
	least, most := 0, len(r.s)
	switch suffix {
	case '*', '-':
	case '+':
		least = 1
	case '?':
		most = 1
	default:
		if !fits(s) {
			return 0, nil, false
		}
		return r.match(s+1, after, captures)
	}
	count := 0
	for count < most && fits(s+count) {
		count++
	}
	if suffix == '-' {
		for i := 0; i <= count; i++ {
			if end, result, ok = r.match(s+i, after+1, captures); ok {
				return end, result, true
			}
		}
		return 0, nil, false
	}
	for i := count; i >= least; i-- {
		if end, result, ok = r.match(s+i, after+1, captures); ok {
			return end, result, true
		}
	}
	return 0, nil, false
}

func (r *Pattern) opened(captures []Capture, c Capture) []Capture {
	if len(captures) == maxCaptures {
		panic(PatternError("too many captures"))
	}
	return append(append([]Capture(nil), captures...), c)
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
	punct  = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
	space  = " \t\n\v\f\r"
)

// class reports whether c is in %x.
func class(x, c byte) bool {
	in := func(set string) bool { return strings.IndexByte(set, c) >= 0 }
	var yes bool
	switch x | 0x20 {
	case 'a':
		yes = in(lower + upper)
	case 'c':
		yes = c <= 31 || c == 127
	case 'd':
		yes = in(digits)
	case 'l':
		yes = in(lower)
	case 'p':
		yes = in(punct)
	case 's':
		yes = in(space)
	case 'u':
		yes = in(upper)
	case 'w':
		yes = in(lower + upper + digits)
	case 'x':
		yes = in(digits + "abcdefABCDEF")
	case 'z':
		yes = c == 0
	}
	switch {
	case strings.IndexByte("ACDLPSUWXZ", x) >= 0:
		return !yes
	case strings.IndexByte("acdlpsuwxz", x) >= 0:
		return yes
	}
	return x == c
}

// single reads the single-character class that p begins with: its length and
// what it matches.
func (r *Pattern) single(p string) (n int, in func(byte) bool) {
	switch p[0] {
	case '.':
		return 1, func(byte) bool { return true }
	case '%':
		if len(p) == 1 {
			panic(PatternError("malformed pattern (ends with '%')"))
		}
		return 2, func(c byte) bool { return class(p[1], c) }
	case '[':
	default:
		return 1, func(c byte) bool { return c == p[0] }
	}
	set, not := strings.CutPrefix(p[1:], "^")
	end := 0 // of the members, in set
	for {
		if end >= len(set) {
			panic(PatternError("malformed pattern (missing ']')"))
		}
		if set[end] == ']' && end > 0 {
			break
		}
		if set[end] == '%' {
			end++
		}
		end++
	}
	n = len(p) - len(set) + end + 1
	return n, func(c byte) bool {
		r.steps += end
		// Members are not read as the end was found: a range may take a '%' alone,
		// and then the next one escapes the set's own ']'.
		for i := 0; i < end; {
			switch {
			case set[i] == '%':
				if class(set[i+1], c) {
					return !not
				}
				i += 2
			case i+2 < end && set[i+1] == '-':
				if set[i] <= c && c <= set[i+2] {
					return !not
				}
				i += 3
			default:
				if set[i] == c {
					return !not
				}
				i++
			}
		}
		return not
	}
}
