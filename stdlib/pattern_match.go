package stdlib

import (
	"strings"
	"sync"

	"github.com/luasandbox/modrunner/limits"
)

// worker is the account that a long piece of work is charged to; *vm.Call is one.
type worker interface {
	Work(units int64) error
	Reserve(bytes int64) error
	ShouldSuspend() bool
}

// beginSteps is what a search costs beside its steps, with the making of its
// results. Measured 1.0.
const beginSteps = 8

// matchBatch is how many steps the matcher runs on credit at most.
const matchBatch = 64

// verdict is how a search ended.
type verdict uint8

const (
	failed  verdict = iota // there is no match
	matched                // from m.start to m.end, with m.captures
	paused                 // search again to go on
)

// capture is one capture of a match, as offsets in the subject. The end is
// captureOpen or capturePosition where it is not an offset.
type capture struct{ start, end int }

const (
	captureOpen     = -1
	capturePosition = -2
)

// choice is a place to go back to: an item that matched up to offset at of the
// subject and could match less (down to low) or, if it is lazy, more.
//
// An item is passed at most once on the way to the current one, so there are
// never more choices than items; and it writes no captures but its own, so
// going back needs to restore none.
type choice struct{ pc, low, at int }

const (
	captureBytes = 16
	choiceBytes  = 24
)

// mode is what the matcher does next.
type mode uint8

const (
	modeItem    mode = iota // match item pc at s
	modeExpand              // item pc repeats: it matched from low to at
	modeBalance             // item pc is %b: depth delimiters are open at at
	modeBack                // s is a dead end: take the last choice
	modeSkip                // find the next start that the first item matches
)

// matcher searches a subject for a pattern (manual, section 5.4.1) by
// backtracking, like C Lua: with the same results, the same errors and steps in
// proportion. It keeps its place in itself, never on Go's stack, so that it can
// stop after any step and be of any depth.
//
// A pattern with a NUL byte is matched like any other; C Lua takes the NUL for
// the pattern's end.
type matcher struct {
	src, pat string
	anchored bool

	next     int    // offset in pat of the first byte that is not in items
	items    []item // the pattern as far as a match has reached
	captures []capture
	unclosed uint32 // bit n: capture n is open after the last item
	setsUsed int
	probed   bool     // first is known
	first    *byteSet // what every match begins with, if that is known
	firstOne int      // the only member of first, or -1

	start, end int
	mode       mode
	pc, s      int
	low, at    int
	depth      int
	choices    []choice
	debt       int64 // steps done and not yet charged

	inlineItems    [12]item
	inlineCaptures [4]capture
	inlineChoices  [6]choice
	inlineSets     [3]byteSet
}

// matcherBytes is the size of a matcher.
const matcherBytes = 768

// matchers holds matchers that are not in use. They keep nothing of theirs but
// the inline parts, so what a search is charged does not depend on the pool.
var matchers = sync.Pool{New: func() any { return new(matcher) }}

// newMatcher returns a matcher for pat, whose '^', if anchored, is not part of
// it. Give it back with release.
func newMatcher(src, pat string, anchored bool) *matcher {
	m := matchers.Get().(*matcher)
	m.reset(src, pat, anchored)
	return m
}

// release gives m back to the pool. The caller must not use it any more.
func (m *matcher) release() {
	m.reset("", "", false)
	matchers.Put(m)
}

// reset makes m a matcher for pat.
func (m *matcher) reset(src, pat string, anchored bool) {
	m.src, m.pat, m.anchored = src, pat, anchored
	m.next, m.unclosed, m.setsUsed = 0, 0, 0
	m.probed, m.first = false, nil
	m.items = m.inlineItems[:0]
	m.captures = m.inlineCaptures[:0]
	m.choices = m.inlineChoices[:0]
	m.debt = 0
}

// bytes returns what m holds.
func (m *matcher) bytes() int64 {
	n := int64(matcherBytes)
	if len(m.items) > len(m.inlineItems) {
		n += int64(cap(m.items)) * itemBytes
	}
	if len(m.captures) > len(m.inlineCaptures) {
		n += int64(cap(m.captures)) * captureBytes
	}
	if cap(m.choices) > len(m.inlineChoices) {
		n += int64(cap(m.choices)) * choiceBytes
	}
	if more := m.setsUsed - len(m.inlineSets); more > 0 {
		n += int64(more) * setBytes
	}
	return n
}

// begin prepares a search for the first match at or after offset start, at most
// len(m.src).
func (m *matcher) begin(start int) {
	m.debt += beginSteps
	m.choices = m.choices[:0]
	m.start, m.s, m.pc = start, start, 0
	m.mode = modeItem
	if m.first != nil && !m.anchored {
		m.mode = modeSkip
	}
}

// settle charges for the steps that are not charged yet.
func (m *matcher) settle(w worker) error {
	debt := m.debt
	m.debt = 0
	if debt == 0 {
		return nil
	}
	return w.Work(debt * limits.PatternStep)
}

// spend counts n steps.
func (m *matcher) spend(w worker, n int64) error {
	m.debt += n
	if m.debt < matchBatch {
		return nil
	}
	return m.settle(w)
}

// search goes on with the search that begin prepared. Its errors are
// patternErrors and those of w; after one the search is over.
func (m *matcher) search(w worker) (verdict, error) {
	v, err := m.run(w)
	if err == nil && v != paused {
		err = m.settle(w)
	}
	return v, err
}

func (m *matcher) run(w worker) (verdict, error) {
	src, s, pc := m.src, m.s, m.pc
	mode := m.mode
	for {
		if m.debt >= matchBatch {
			if err := m.settle(w); err != nil {
				return failed, err
			}
			if w.ShouldSuspend() {
				m.s, m.pc, m.mode = s, pc, mode
				return paused, nil
			}
		}
		m.debt++

		switch mode {
		case modeItem:
			if pc == len(m.items) {
				if err := m.translate(w); err != nil {
					return failed, err
				}
			}
			it := &m.items[pc]
			switch it.op {
			case opByte:
				if s < len(src) && src[s] == it.a {
					s++
					pc++
				} else {
					mode = modeBack
				}

			case opSet:
				hit := s < len(src) && it.set.has(src[s])
				switch it.rep {
				case once:
					if hit {
						s++
						pc++
					} else {
						mode = modeBack
					}
				case optional:
					if hit {
						if err := m.push(w, choice{pc: pc, low: s, at: s + 1}); err != nil {
							return failed, err
						}
						s++
					}
					pc++
				case star, plus:
					switch {
					case hit:
						m.low, m.at = s, s+1
						if it.rep == plus {
							m.low++
						}
						mode = modeExpand
					case it.rep == star:
						pc++
					default:
						mode = modeBack
					}
				case lazy:
					if err := m.push(w, choice{pc: pc, at: s}); err != nil {
						return failed, err
					}
					pc++
				}

			case opOpen:
				m.captures[it.a] = capture{s, captureOpen}
				pc++
			case opPosition:
				m.captures[it.a] = capture{s, capturePosition}
				pc++
			case opClose:
				m.captures[it.a].end = s
				pc++

			case opCapture:
				c := m.captures[it.a]
				n := c.end - c.start
				if c.end == capturePosition || n > len(src)-s {
					mode = modeBack // C Lua's length of a position capture is beyond all strings
					break
				}
				if err := m.spend(w, int64(n)/limits.BytesPerUnit); err != nil {
					return failed, err
				}
				if src[s:s+n] == src[c.start:c.end] {
					s += n
					pc++
				} else {
					mode = modeBack
				}

			case opBalance:
				if s < len(src) && src[s] == it.a {
					m.at, m.depth = s+1, 1
					mode = modeBalance
				} else {
					mode = modeBack
				}

			case opFrontier:
				var before, after byte // NUL stands for both ends of the subject
				if s > 0 {
					before = src[s-1]
				}
				if s < len(src) {
					after = src[s]
				}
				if !it.set.has(before) && it.set.has(after) {
					pc++
				} else {
					mode = modeBack
				}

			case opEnd:
				if s == len(src) {
					pc++
				} else {
					mode = modeBack
				}

			case opMatched:
				m.end = s
				return matched, nil
			}

		case modeExpand:
			set, at := m.items[pc].set, m.at
			stop := min(len(src), at+int(matchBatch-m.debt))
			for at < stop && set.has(src[at]) {
				at++
			}
			m.debt += int64(at - m.at)
			m.at = at
			if at < stop || at == len(src) {
				if at > m.low {
					if err := m.push(w, choice{pc: pc, low: m.low, at: at}); err != nil {
						return failed, err
					}
				}
				s = at
				pc++
				mode = modeItem
			}

		case modeBalance:
			open, shut := m.items[pc].a, m.items[pc].b
			at := m.at
			stop := min(len(src), at+int(matchBatch-m.debt))
			for at < stop && m.depth > 0 {
				switch src[at] {
				case shut: // first: the delimiters may be one byte
					m.depth--
				case open:
					m.depth++
				}
				at++
			}
			m.debt += int64(at - m.at)
			m.at = at
			switch {
			case m.depth == 0:
				s = at
				pc++
				mode = modeItem
			case at == len(src):
				mode = modeBack
			}

		case modeBack:
			n := len(m.choices)
			if n == 0 {
				if m.anchored || m.start >= len(src) {
					return failed, nil
				}
				m.start++
				if !m.probed {
					m.probe()
				}
				s, pc = m.start, 0
				mode = modeItem
				if m.first != nil {
					mode = modeSkip
				}
				break
			}
			c := &m.choices[n-1]
			it := &m.items[c.pc]
			if it.rep == lazy {
				if c.at < len(src) && it.set.has(src[c.at]) {
					c.at++
					s, pc = c.at, c.pc+1
					mode = modeItem
				} else {
					m.choices = m.choices[:n-1]
				}
				break
			}
			c.at--
			s, pc = c.at, c.pc+1
			mode = modeItem
			if c.at == c.low {
				m.choices = m.choices[:n-1]
			}

		case modeSkip:
			from := m.start
			if m.firstOne >= 0 {
				stop := min(len(src), from+int(matchBatch-m.debt)*int(limits.BytesPerUnit))
				if i := strings.IndexByte(src[from:stop], byte(m.firstOne)); i >= 0 {
					m.start += i
					mode = modeItem
				} else {
					m.start = stop
				}
				m.debt += int64(m.start-from) / limits.BytesPerUnit
			} else {
				stop := min(len(src), from+int(matchBatch-m.debt)*int(limits.ByteStepsPerUnit))
				at := from
				for at < stop && !m.first.has(src[at]) {
					at++
				}
				if at < stop {
					mode = modeItem
				}
				m.start = at
				m.debt += int64(at-from) / limits.ByteStepsPerUnit
			}
			if mode == modeSkip && m.start == len(src) {
				return failed, nil
			}
			s, pc = m.start, 0
		}
	}
}

// probe finds out what every match begins with: the first item after any
// captures' beginnings, if it takes a byte. It is called after a first attempt
// has failed, and so has translated that item.
func (m *matcher) probe() {
	m.probed, m.firstOne = true, -1
	for i := range m.items {
		switch it := &m.items[i]; it.op {
		case opOpen, opPosition:
			continue
		case opByte:
			m.first, m.firstOne = &oneByte[it.a], int(it.a)
		case opSet:
			if it.rep == once || it.rep == plus {
				m.first = it.set
			}
		}
		return
	}
}

// push adds a place to go back to.
func (m *matcher) push(w worker, c choice) error {
	if len(m.choices) == cap(m.choices) {
		size := 2 * cap(m.choices)
		if err := m.payGrowth(w, int64(size)*choiceBytes); err != nil {
			return err
		}
		choices := make([]choice, len(m.choices), size)
		copy(choices, m.choices)
		m.choices = choices
	}
	m.choices = append(m.choices, c)
	return nil
}

// get returns capture i of the match that was found, as offsets in the subject;
// the whole match for capture 0 of a pattern without captures. end is
// capturePosition if start is what was captured. Its errors are patternErrors.
func (m *matcher) get(i int) (start, end int, err error) {
	if i >= len(m.captures) {
		if i == 0 {
			return m.start, m.end, nil
		}
		return 0, 0, errCaptureIndex
	}
	c := m.captures[i]
	if c.end == captureOpen {
		return 0, 0, errUnfinished
	}
	return c.start, c.end, nil
}
