package vm

import (
	"fmt"
	"strings"
)

// A traceback shows the innermost and the outermost levels of a deep stack.
const (
	tracebackInner = 12
	tracebackOuter = 10
)

// traceback describes th's stack from a level on, below a message, in the form
// of C Lua's debug.traceback.
func (m *Machine) traceback(th *Thread, msg string, level int) string {
	var b strings.Builder
	if len(msg) > 1000 {
		msg = msg[:1000] + "..."
	}
	b.WriteString(msg)
	if msg != "" {
		b.WriteByte('\n')
	}
	b.WriteString("stack traceback:")
	for ; th != nil; th = th.resumer {
		n := len(th.frames) - level
		for i := 0; i < n; i++ {
			if n > tracebackInner+tracebackOuter && i == tracebackInner {
				b.WriteString("\n\t...")
				i = n - tracebackOuter
			}
			m.tracebackLine(&b, th, len(th.frames)-1-level-i)
		}
		level = 0
		if b.Len() > 16<<10 {
			b.WriteString("\n\t...")
			break
		}
	}
	return b.String()
}

func (m *Machine) tracebackLine(b *strings.Builder, th *Thread, i int) {
	f := &th.frames[i]
	if f.kind == frameHandler {
		return
	}
	what, name := m.functionName(th, i)
	_ = what
	if f.kind != frameLua {
		b.WriteString("\n\t[C]:")
		switch {
		case name != "":
			fmt.Fprintf(b, " in function '%s'", name)
		case f.nat != nil && f.nat.name != "":
			fmt.Fprintf(b, " in function '%s'", f.nat.name)
		default:
			b.WriteString(" ?")
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
	if f.tail > 0 {
		b.WriteString("\n\t(tail call): ?")
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
	if !msg.IsNil() && msg.str() == nil && !msg.isNumber() {
		return c.Return(msg)
	}
	text := ""
	if !msg.IsNil() {
		text = describe(msg)
	}
	if err := c.Work(200); err != nil {
		return err
	}
	v, err := c.NewString(c.m.traceback(th, text, int(max(0, min(level, int64(len(th.frames)))))))
	if err != nil {
		return err
	}
	return c.Return(v)
})
