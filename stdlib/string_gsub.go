package stdlib

import (
	"strings"
	"sync"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// gsub is a string.gsub in progress. It is its own continuation, whether it
// waits for the next slice or for a replacement from a function.
type gsub struct {
	m                matcher
	subject, pattern vm.Value
	repl             vm.Value // string, number, table or function
	text             string   // repl, where it is a string or a number
	literal          bool     // text has no '%'
	step             gsubStep
	count, most      int32
	from             int  // where the next search begins
	copied           int  // offset in the subject up to which it is in out, replaced or not
	at               int  // offset in text up to which it is in out
	reserved         bool // g's own memory is charged
	out              textBuilder
}

// gsubBytes is the size of a gsub without its matcher.
const gsubBytes = 384

// gsubs holds gsubs that are not in use, as matchers does.
var gsubs = sync.Pool{New: func() any { return new(gsub) }}

// release gives g back to the pool. The caller must not use it any more.
func (g *gsub) release() {
	g.m.reset("", "", false)
	g.subject, g.pattern, g.repl, g.text = vm.Nil, vm.Nil, vm.Nil, ""
	g.out.reset()
	gsubs.Put(g)
}

type gsubStep uint8

const (
	gsubNext   gsubStep = iota // to begin a search
	gsubSearch                 // in a search
	gsubText                   // in the text that replaces a match
	gsubAnswer                 // waiting for what replaces a match
)

func stringGsub(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	pat, err := c.CheckString(1)
	if err != nil {
		return err
	}
	most, err := optInt32(c, 3, int32(int64(len(s))+1))
	if err != nil {
		return err
	}
	repl, text := c.Arg(2), ""
	switch repl.Kind() {
	case vm.KindString, vm.KindNumber:
		if text, err = c.CheckString(2); err != nil {
			return err
		}
		if err := c.Work(int64(len(text)) / limits.BytesPerUnit); err != nil {
			return err
		}
	case vm.KindTable, vm.KindFunction:
	default:
		return c.ArgError(2, "string/function/table expected")
	}
	g := gsubs.Get().(*gsub)
	rest, anchored := strings.CutPrefix(pat, "^")
	g.m.reset(s, rest, anchored)
	g.subject, g.pattern, g.repl, g.text = c.Arg(0), c.Arg(1), repl, text
	g.literal = strings.IndexByte(text, '%') < 0
	g.step, g.count, g.most = gsubNext, 0, most
	g.from, g.copied, g.at, g.reserved = 0, 0, 0, false
	return g.run(c)
}

// Resume goes on after a pause, or with a replacement.
func (g *gsub) Resume(c *vm.Call) error {
	if g.step == gsubAnswer {
		if err := g.replace(c, c.Arg(0)); err != nil {
			return err
		}
	}
	return g.run(c)
}

// Trace counts what g holds.
func (g *gsub) Trace(w *vm.Walk) {
	w.Value(g.subject)
	w.Value(g.pattern)
	w.Value(g.repl)
	w.Bytes(gsubBytes + g.m.bytes() + g.out.bytes())
}

func (g *gsub) run(c *vm.Call) error {
	m := &g.m
	for {
		switch g.step {
		case gsubNext:
			if c.ShouldSuspend() {
				return c.Suspend(g)
			}
			if g.count >= g.most || g.from > len(m.src) || m.anchored && g.count > 0 {
				return g.finish(c)
			}
			m.begin(g.from)
			g.step = gsubSearch

		case gsubSearch:
			v, err := m.search(c)
			switch {
			case err != nil:
				return matchError(c, err)
			case v == paused:
				return c.Suspend(g)
			case v == failed:
				return g.finish(c)
			}
			g.count++
			g.from = m.end
			if m.end == m.start {
				g.from++
			}
			switch g.repl.Kind() {
			case vm.KindFunction:
				return g.ask(c)
			case vm.KindTable:
				if asked, err := g.lookUp(c); asked || err != nil {
					return err
				}
			default:
				if err := g.copyTo(c, m.start); err != nil {
					return err
				}
				g.copied, g.at, g.step = m.end, 0, gsubText
			}

		case gsubText:
			if err := g.expand(c); err != nil {
				return err
			}
			if g.at == len(g.text) {
				g.step = gsubNext
			} else {
				return c.Suspend(g)
			}
		}
	}
}

// copyTo adds the subject up to offset end, as far as it is not in out.
func (g *gsub) copyTo(c *vm.Call, end int) error {
	if g.copied == end {
		return nil
	}
	return g.out.add(c, g.m.src[g.copied:end])
}

// expand adds the text that replaces a match, until it is all there or the slice
// is spent.
func (g *gsub) expand(c *vm.Call) error {
	if g.literal {
		g.at = len(g.text)
		return g.out.add(c, g.text)
	}
	for g.at < len(g.text) {
		rest := g.text[g.at:]
		n := strings.IndexByte(rest, '%')
		if n < 0 {
			n = len(rest)
		}
		if n > 0 {
			if err := g.out.add(c, rest[:n]); err != nil {
				return err
			}
		}
		g.at += n
		if n < len(rest) {
			if err := g.escape(c); err != nil {
				return err
			}
		}
		if c.ShouldSuspend() {
			return nil
		}
	}
	return nil
}

// escape adds what the '%' at g.at and the byte after it stand for.
func (g *gsub) escape(c *vm.Call) error {
	g.at++
	if g.at == len(g.text) {
		return g.out.add(c, "\x00") // C Lua takes the NUL behind the text
	}
	b := g.text[g.at]
	g.at++
	switch {
	case !isDigit(b):
		return g.out.add(c, g.text[g.at-1:g.at])
	case b == '0':
		return g.out.add(c, g.m.src[g.m.start:g.m.end])
	}
	start, end, err := g.m.get(int(b - '1'))
	if err != nil {
		return matchError(c, err)
	}
	if end == capturePosition {
		return g.addNumber(c, float64(start+1))
	}
	return g.out.add(c, g.m.src[start:end])
}

func (g *gsub) addNumber(c *vm.Call, f float64) error {
	if err := c.Work(limits.NumberToString); err != nil {
		return err
	}
	return g.out.add(c, vm.FormatNumber(f))
}

// ask calls the function that gives the replacement.
func (g *gsub) ask(c *vm.Call) error {
	var args [maxCaptures]vm.Value
	n := max(len(g.m.captures), 1)
	for i := range n {
		v, err := captured(c, &g.m, g.subject, i)
		if err != nil {
			return err
		}
		args[i] = v
	}
	return g.await(c, g.repl, args[:n]...)
}

// await calls f for a replacement. From the first time on, a script may keep g
// for as long as it likes, so g is charged.
func (g *gsub) await(c *vm.Call, f vm.Value, args ...vm.Value) error {
	if !g.reserved {
		if err := c.Reserve(gsubBytes + matcherBytes); err != nil {
			return err
		}
		g.reserved = true
	}
	g.step = gsubAnswer
	return c.Call(g, f, args...)
}

// lookUp takes the replacement from the table; asked is true if that takes a
// call, which g waits for.
func (g *gsub) lookUp(c *vm.Call) (asked bool, err error) {
	key, err := captured(c, &g.m, g.subject, 0)
	if err != nil {
		return false, err
	}
	v, handler, self, err := c.Index(g.repl, key)
	if err != nil {
		return false, err
	}
	if !handler.IsNil() {
		return true, g.await(c, handler, self, key)
	}
	return false, g.replace(c, v)
}

// replace puts v in the place of the match, which stays if v is false or nil.
func (g *gsub) replace(c *vm.Call, v vm.Value) error {
	g.step = gsubNext
	if !v.Truthy() {
		return nil
	}
	s, isString := v.AsString()
	f, isNumber := v.AsNumber()
	if !isString && !isNumber {
		return c.Errorf("invalid replacement value (a %s)", v.Kind())
	}
	if err := g.copyTo(c, g.m.start); err != nil {
		return err
	}
	g.copied = g.m.end
	if isNumber {
		return g.addNumber(c, f)
	}
	return g.out.add(c, s)
}

// finish leaves the results.
func (g *gsub) finish(c *vm.Call) error {
	defer g.release()
	if g.copied == 0 && g.out.length == 0 && g.subject.Kind() == vm.KindString {
		return c.Return(g.subject, vm.Int(int(g.count)))
	}
	if err := g.copyTo(c, len(g.m.src)); err != nil {
		return err
	}
	v, err := g.out.value(c)
	if err != nil {
		return err
	}
	return c.Return(v, vm.Int(int(g.count)))
}
