package vm

import (
	"fmt"
	"math"
	"strings"

	"github.com/luasandbox/modrunner/limits"
)

// A traceback shows the levels below tracebackInner, and the last tracebackOuter
// of a deeper stack.
const (
	tracebackInner = 12
	tracebackOuter = 10
)

// traceback describes th's stack from a level on, in the form of C Lua's
// debug.traceback. A call that tail calls replaced is a level, too.
func (m *Machine) traceback(b *strings.Builder, th *Thread, level int) {
	b.WriteString("stack traceback:")
	m.tracebackThread(b, th, level)
}

// tracebackAll is traceback of a message, and of the threads that wait for th.
func (m *Machine) tracebackAll(th *Thread, msg string) string {
	const mostMessage, mostBytes = 1000, 16 << 10
	if len(msg) > mostMessage {
		msg = msg[:mostMessage] + "..."
	}
	var b strings.Builder
	if b.WriteString(msg); msg != "" {
		b.WriteByte('\n')
	}
	m.traceback(&b, th, 0)
	for th = th.resumer; th != nil; th = th.resumer {
		if b.Len() > mostBytes {
			b.WriteString("\n\t...")
			break
		}
		m.tracebackThread(&b, th, 0)
	}
	return b.String()
}

func (m *Machine) tracebackThread(b *strings.Builder, th *Thread, level int) {
	n := 0
	for i := range th.frames {
		if !th.frames[i].hidden() {
			n += 1 + int(th.frames[i].tail)
		}
	}
	cut, on := n, n // levels from cut up to on are left out
	if at := max(level, tracebackInner); at+tracebackOuter+1 < n {
		cut, on = at, n-tracebackOuter
	}
	at := 0
	show := func() bool {
		at++
		if at-1 == cut {
			b.WriteString("\n\t...")
		}
		return at-1 >= level && (at-1 < cut || at-1 >= on)
	}
	for i := len(th.frames) - 1; i >= 0; i-- {
		if th.frames[i].hidden() {
			continue
		}
		if show() {
			m.tracebackLine(b, th, i)
		}
		for range th.frames[i].tail {
			if show() {
				b.WriteString("\n\t(tail call): ?")
			}
		}
	}
}

// hidden reports whether a frame is no level of a traceback: it belongs to the
// machine, or to a function of the host's that has no name.
func (f *frame) hidden() bool {
	return f.kind == frameHandler || f.kind != frameLua && f.nat.name == ""
}

func (m *Machine) tracebackLine(b *strings.Builder, th *Thread, i int) {
	f := &th.frames[i]
	_, name := m.functionName(th, i)
	if f.kind != frameLua {
		b.WriteString("\n\t[C]:")
		switch {
		case name != "":
			fmt.Fprintf(b, " in function '%s'", name)
		default:
			fmt.Fprintf(b, " in function '%s'", f.nat.name)
		}
	} else {
		p := f.cl.proto
		fmt.Fprintf(b, "\n\t%s:%d:", p.chunk, f.currentLine())
		switch {
		case name != "":
			fmt.Fprintf(b, " in function '%s'", name)
		case p.line == 0:
			b.WriteString(" in main chunk")
		default:
			fmt.Fprintf(b, " in function <%s:%d>", p.chunk, p.line)
		}
	}
}

// Traceback is debug.traceback: ([thread,] [message [, level]]).
var Traceback = NewNative("traceback", func(c *Call) error {
	th, arg := c.th, 0
	if co := c.Arg(0).AsThread(); co != nil {
		th, arg = co, 1
	}
	level := int64(0)
	if th == c.th {
		level = 1
	}
	level, err := c.OptInt(arg+1, level)
	if err != nil {
		return err
	}
	msg := c.Arg(arg)
	text, ok := msg.AsString()
	switch {
	case msg.isNumber():
		text = FormatNumber(msg.num())
	case !ok && arg < c.n:
		return c.Return(msg)
	}
	if err := c.Work(limits.Traceback + int64(len(th.frames))/limits.TableSlotMove); err != nil {
		return err
	}
	if err := c.Reserve(limits.TracebackBytes); err != nil {
		return err
	}
	if err := c.ReserveString(len(text)); err != nil {
		return err
	}
	var b strings.Builder
	if arg < c.n {
		b.WriteString(text + "\n")
	}
	c.m.traceback(&b, th, int(max(0, min(level, math.MaxInt32))))
	v, err := c.NewString(b.String())
	if err != nil {
		return err
	}
	return c.Return(v)
})
