package stdlib

import "github.com/luasandbox/modrunner/luasandbox/vm"

var (
	stringGmatchNative = native("string.gmatch", stringGmatch)
)

// The state of a gmatch iterator: Native upvalues.
const (
	gmatchSubject = iota // the string that is searched
	gmatchPattern
	gmatchPlace // userdata around a *gmatch
)

// gmatch is where an iterator of string.gmatch is.
type gmatch struct {
	matcher
	from    int   // where the next search begins
	counted int64 // bytes that the userdata counts as
}

const gmatchBytes = matcherBytes + 16

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
	g := new(gmatch)
	g.reset(s, pat, false) // '^' is a byte like others here
	g.counted = gmatchBytes
	place, err := c.Machine().NewUserdata(g, nil, gmatchBytes)
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
	g.debt = 0
	g.begin(g.from)
	return g.run(c)
}

func (g *gmatch) run(c *vm.Call) error {
	v, err := g.search(c)
	if err != nil {
		return matchError(c, err)
	}
	if v == paused {
		return c.Suspend(pausedGmatch{g})
	}
	// What the pattern's translation has grown to counts as the userdata's.
	if n := g.bytes() + gmatchBytes - matcherBytes; n > g.counted {
		place, err := c.Machine().NewUserdata(g, nil, n)
		if err != nil {
			return err
		}
		g.counted = n
		c.SetUp(gmatchPlace, place.Value())
	}
	if v == failed {
		return c.Return()
	}
	g.from = g.end
	if g.end == g.start {
		g.from++
	}
	out, err := c.Results(max(len(g.captures), 1))
	if err != nil {
		return err
	}
	for i := range out {
		if out[i], err = captured(c, &g.matcher, c.Up(gmatchSubject), i); err != nil {
			return err
		}
	}
	return nil
}

// pausedGmatch is an iteration that waits for the next slice.
type pausedGmatch struct{ g *gmatch }

func (p pausedGmatch) Resume(c *vm.Call) error { return p.g.run(c) }

// Trace counts what the matcher grew by; the rest is the iterator's.
func (p pausedGmatch) Trace(w *vm.Walk) {
	w.Bytes(max(p.g.bytes()+gmatchBytes-matcherBytes-p.g.counted, 0))
}
