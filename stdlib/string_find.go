package stdlib

import (
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

func stringFind(c *vm.Call) error  { return findOrMatch(c, true) }
func stringMatch(c *vm.Call) error { return findOrMatch(c, false) }

// findOrMatch is string.find and string.match, which differ in their results
// and in find's plain searches.
func findOrMatch(c *vm.Call, find bool) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	pat, err := c.CheckString(1)
	if err != nil {
		return err
	}
	from, err := c.OptInt(2, 1)
	if err != nil {
		return err
	}
	start := int(min(max(fromEnd(from, len(s))-1, 0), int64(len(s))))
	if find {
		plain := c.Arg(3).Truthy()
		if !plain {
			if plain, err = literal(c, pat); err != nil {
				return err
			}
		}
		if plain {
			p := plainSearch{subject: c.Arg(0), pattern: c.Arg(1), s: s, pat: pat, at: start}
			if pauses, err := p.run(c); !pauses {
				return err
			}
			rest := p
			return c.Suspend(&rest)
		}
	}
	text, anchored := strings.CutPrefix(pat, "^")
	m := newMatcher(s, text, anchored)
	m.begin(start)
	f := finding{m: m, subject: c.Arg(0), pattern: c.Arg(1), find: find}
	if pauses, err := f.run(c); !pauses {
		return err
	}
	rest := f
	return c.Suspend(&rest)
}

// literal reports whether a pattern is a text without magic bytes.
func literal(c *vm.Call, pat string) (bool, error) {
	if len(pat) > matchBatch {
		if err := c.Work(limits.Units(int64(len(pat)), limits.ByteStepsPerUnit)); err != nil {
			return false, err
		}
	}
	for i := range len(pat) {
		if magic.has(pat[i]) {
			return false, nil
		}
	}
	return true, nil
}

// finding is a find or match in progress.
type finding struct {
	m                *matcher
	subject, pattern vm.Value
	find             bool
}

// Resume searches on.
func (f *finding) Resume(c *vm.Call) error {
	if pauses, err := f.run(c); !pauses {
		return err
	}
	return c.Suspend(f)
}

// Trace counts the matcher and what it searches.
func (f *finding) Trace(w *vm.Walk) {
	w.Value(f.subject)
	w.Value(f.pattern)
	w.Bytes(f.m.bytes())
}

// run searches until there is a result, or until the slice is spent.
func (f *finding) run(c *vm.Call) (pauses bool, err error) {
	v, err := f.m.search(c)
	switch {
	case err != nil:
		err = matchError(c, err)
	case v == paused:
		return true, nil
	case v == failed:
		err = c.Return(vm.Nil)
	default:
		err = f.results(c)
	}
	f.m.release()
	return false, err
}

func (f *finding) results(c *vm.Call) error {
	m, n, at := f.m, len(f.m.captures), 0
	switch {
	case f.find:
		n, at = n+2, 2
	case n == 0:
		n = 1 // the whole match
	}
	out, err := c.Results(n)
	if err != nil {
		return err
	}
	if f.find {
		out[0], out[1] = vm.Int(m.start+1), vm.Int(m.end)
	}
	for i := range out[at:] {
		if out[at+i], err = captured(c, m, f.subject, i); err != nil {
			return err
		}
	}
	return nil
}

// captured returns capture i of the match that m has found in subject, charged.
func captured(c *vm.Call, m *matcher, subject vm.Value, i int) (vm.Value, error) {
	start, end, err := m.get(i)
	if err != nil {
		return vm.Nil, matchError(c, err)
	}
	if end == capturePosition {
		return vm.Int(start + 1), nil
	}
	return piece(c, subject, m.src, start, end)
}

// matchError turns a patternError into a Lua error.
func matchError(c *vm.Call, err error) error {
	if e, ok := err.(patternError); ok {
		return c.Errorf("%s", string(e))
	}
	return err
}

// plainSearch is a search for a text: the next place with its first byte, then
// the rest there, as in C Lua.
type plainSearch struct {
	subject, pattern vm.Value
	s, pat           string
	at               int // no match begins before this offset
}

// placeWork is what one look for the first byte costs beside the bytes it
// passes, in instructions, with the comparison of a short text. Measured 0.9.
const placeWork = 3

// searchChunk is how many bytes are searched between two charges.
const searchChunk = matchBatch * int(limits.BytesPerUnit)

// run searches until there is a result, or until the slice is spent.
func (p *plainSearch) run(c *vm.Call) (pauses bool, err error) {
	last := len(p.s) - len(p.pat) // the last offset at which a match may begin
	for p.at <= last {
		if p.pat == "" {
			return false, p.found(c)
		}
		next := min(last+1, p.at+searchChunk)
		begins := false
		if i := strings.IndexByte(p.s[p.at:next], p.pat[0]); i >= 0 {
			next, begins = p.at+i, true
		}
		if err := c.Work(placeWork + int64(next-p.at)/limits.BytesPerUnit); err != nil {
			return false, err
		}
		p.at = next
		if begins {
			same, err := p.here(c)
			if err != nil {
				return false, err
			}
			if same {
				return false, p.found(c)
			}
			p.at++
		}
		if c.ShouldSuspend() {
			return true, nil
		}
	}
	return false, c.Return(vm.Nil)
}

func (p *plainSearch) found(c *vm.Call) error {
	return c.Return(vm.Int(p.at+1), vm.Int(p.at+len(p.pat)))
}

// here reports whether there is a match at p.at.
func (p *plainSearch) here(c *vm.Call) (bool, error) {
	const few = int(limits.BytesPerUnit)
	rest := p.s[p.at : p.at+len(p.pat)]
	if len(rest) <= few {
		return rest == p.pat, nil
	}
	if rest[:few] != p.pat[:few] {
		return false, nil
	}
	if err := c.Work(limits.Units(int64(len(rest)), limits.BytesPerUnit)); err != nil {
		return false, err
	}
	return rest == p.pat, nil
}

// Resume searches on.
func (p *plainSearch) Resume(c *vm.Call) error {
	if pauses, err := p.run(c); !pauses {
		return err
	}
	return c.Suspend(p)
}

// Trace counts what is searched.
func (p *plainSearch) Trace(w *vm.Walk) {
	w.Value(p.subject)
	w.Value(p.pattern)
}
