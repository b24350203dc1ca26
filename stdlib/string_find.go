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
			return p.run(c)
		}
	}
	text, anchored := strings.CutPrefix(pat, "^")
	m := newMatcher(s, text, anchored)
	m.begin(start)
	return goOnFinding(c, finding{m: m, subject: c.Arg(0), pattern: c.Arg(1), find: find})
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

// pausedFinding is a finding that waits for the next slice.
type pausedFinding struct{ finding }

func (f *pausedFinding) Resume(c *vm.Call) error { return goOnFinding(c, f.finding) }

// Trace counts the matcher and what it searches.
func (f *pausedFinding) Trace(w *vm.Walk) {
	w.Value(f.subject)
	w.Value(f.pattern)
	w.Bytes(f.m.bytes())
}

// goOnFinding searches on, and leaves the results when it has found.
func goOnFinding(c *vm.Call, f finding) error {
	v, err := f.m.search(c)
	if err != nil {
		f.m.release()
		return matchError(c, err)
	}
	switch v {
	case paused:
		if err := c.Reserve(matcherBytes); err != nil {
			return err
		}
		return c.Suspend(&pausedFinding{f})
	case failed:
		f.m.release()
		return c.Return(vm.Nil)
	}
	err = f.results(c)
	f.m.release()
	return err
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
// the rest there. Where first bytes are many it takes as long as it charges, up
// to len(s) times the text.
type plainSearch struct {
	subject, pattern vm.Value
	s, pat           string
	at               int // no match begins before this offset
}

// searchChunk is how many bytes are searched between two charges.
const searchChunk = 64 * limits.BytesPerUnit

func (p *plainSearch) run(c *vm.Call) error {
	for first := true; ; first = false {
		if !first && c.ShouldSuspend() {
			rest := *p
			return c.Suspend(&rest)
		}
		last := len(p.s) - len(p.pat) // the last offset at which a match may begin
		if p.at > last {
			return c.Return(vm.Nil)
		}
		if p.pat == "" {
			break
		}
		stop := min(last+1, p.at+int(searchChunk))
		if err := c.Work(1 + int64(stop-p.at)/limits.BytesPerUnit); err != nil {
			return err
		}
		i := strings.IndexByte(p.s[p.at:stop], p.pat[0])
		if i < 0 {
			p.at = stop
			continue
		}
		p.at += i
		found, err := p.here(c)
		if err != nil {
			return err
		}
		if found {
			break
		}
		p.at++
	}
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
func (p *plainSearch) Resume(c *vm.Call) error { return p.run(c) }

// Trace counts what is searched.
func (p *plainSearch) Trace(w *vm.Walk) {
	w.Value(p.subject)
	w.Value(p.pattern)
}
