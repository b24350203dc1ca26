package stdlib

import "github.com/luasandbox/modrunner/luasandbox/vm"

var stringGmatchNative = native("string.gmatch", stringGmatch)

// What an iterator of string.gmatch has as upvalues.
const (
	gmatchSubject = iota // what is searched: a string or a number
	gmatchPattern
	gmatchPlace // userdata around a *gmatch
)

// gmatch is where an iterator of string.gmatch is.
type gmatch struct {
	src, pat string
	from     int      // where the next search begins
	m        *matcher // nil until it is needed, and while a paused search has it
}

// gmatchBytes is the size of a gmatch without its matcher.
const gmatchBytes = 48

// Trace counts the matcher; the texts are the iterator's.
func (g *gmatch) Trace(w *vm.Walk) {
	if g.m != nil {
		w.Bytes(g.m.bytes())
	}
}

func stringGmatch(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	pat, err := c.CheckString(1)
	if err != nil {
		return err
	}
	subject, pattern := c.Arg(0), c.Arg(1)
	place, err := c.Machine().NewUserdata(&gmatch{src: s, pat: pat}, nil, gmatchBytes)
	if err != nil {
		return err
	}
	next, err := c.Machine().NewNative("for iterator", nextMatch, subject, pattern, place.Value())
	if err != nil {
		return err
	}
	return c.Return(next.Value())
}

// nextMatch is the iterator. As in C Lua, an iterator that found nothing more
// searches again when it is called again.
func nextMatch(c *vm.Call) error {
	g := c.Up(gmatchPlace).AsUserdata().Payload().(*gmatch)
	if g.from > len(g.src) {
		return c.Return()
	}
	m := g.m
	g.m = nil
	if m == nil {
		if err := c.Reserve(matcherBytes); err != nil {
			return err
		}
		m = new(matcher)
		m.reset(g.src, g.pat, false) // '^' is a byte like others here
	}
	m.begin(g.from)
	return g.run(c, m)
}

func (g *gmatch) run(c *vm.Call, m *matcher) error {
	v, err := m.search(c)
	if err != nil {
		return matchError(c, err)
	}
	if v == paused {
		return c.Suspend(pausedGmatch{g, m})
	}
	g.m = m
	if v == failed {
		return c.Return()
	}
	g.from = m.end
	if m.end == m.start {
		g.from++
	}
	out, err := c.Results(max(len(m.captures), 1))
	if err != nil {
		return err
	}
	for i := range out {
		if out[i], err = captured(c, m, c.Up(gmatchSubject), i); err != nil {
			return err
		}
	}
	return nil
}

// pausedGmatch is an iteration that waits for the next slice. It owns m: the
// iterator may be called by another run meanwhile.
type pausedGmatch struct {
	g *gmatch
	m *matcher
}

func (p pausedGmatch) Resume(c *vm.Call) error { return p.g.run(c, p.m) }

// Trace counts the matcher; the texts are the iterator's.
func (p pausedGmatch) Trace(w *vm.Walk) { w.Bytes(p.m.bytes()) }
