package mods

import (
	"bytes"
	"io"
	"strings"
)

// maxLine is the most of one printed line that is shown, in bytes.
const maxLine = 4 << 10

// output gives what one mod prints to the host's output: a line at a time, so
// that none of it can pass for somebody else's.
type output struct {
	mod *Mod
	to  io.Writer // nil: nobody is interested
}

// output returns what takes the printed lines of a mod. Where mods run at the same
// time, they are kept until the end of the frame.
func (h *Host) output(m *Mod) io.Writer {
	to := h.cfg.Output
	if h.cfg.Frame.Workers > 0 {
		to = &m.printed
	}
	if h.cfg.Output == nil {
		to = nil
	}
	return &output{mod: m, to: to}
}

// flush hands on what m printed in a frame.
func (m *Mod) flush() {
	if m.printed.Len() > 0 {
		for line := range bytes.Lines(m.printed.Bytes()) {
			_, _ = m.host.cfg.Output.Write(line)
		}
		m.printed = bytes.Buffer{}
	}
}

// Write takes one printed line with its newline. What the host's output does
// with it is not the mod's business, so there is no error.
func (o *output) Write(p []byte) (int, error) {
	text := strings.TrimSuffix(string(p), "\n")
	o.mod.host.journal.print(o.mod, text)
	if o.to != nil {
		_, _ = io.WriteString(o.to, "["+o.mod.id+"] "+escape(clip(text, maxLine))+"\n")
	}
	return len(p), nil
}
