package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// console is the person or program at the other end: the three standard
// streams. It belongs to one goroutine.
type console struct {
	in       *os.File
	out, err *stream
	progress progress
}

// stream is an output: it knows whether a person looks at it, and it never
// fails a writer. A write error is kept for the end.
type stream struct {
	file     *os.File
	buffer   *bufio.Writer
	terminal bool
	prompt   bool // everything goes out at once
	log      bool // lines of ours and of scripts are mixed in it
	colour   bool
	failed   error
	before   func() // is called before anything is written
}

// newConsole looks at the streams and at the environment variables NO_COLOR
// and TERM.
func newConsole(in, out, err *os.File) *console {
	c := &console{in: in, out: newStream(out), err: newStream(err)}
	c.out.log = c.out.terminal || sameFile(out, err)
	c.err.log, c.err.prompt = true, true
	c.progress = progress{to: c.err, shown: c.err.terminal, began: time.Now()}
	c.err.before = c.progress.clear
	if c.out.terminal {
		c.out.before = c.progress.clear
	}
	return c
}

func newStream(file *os.File) *stream {
	s := &stream{file: file, terminal: term.IsTerminal(int(file.Fd())), before: func() {}}
	s.buffer = bufio.NewWriterSize(file, 32<<10)
	s.colour = s.terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return s
}

// sameFile reports whether two streams end in one place, as after 2>&1.
func sameFile(a, b *os.File) bool {
	x, err := a.Stat()
	if err != nil {
		return false
	}
	y, err := b.Stat()
	return err == nil && os.SameFile(x, y)
}

// Write takes all of p. What cannot be written is dropped.
func (s *stream) Write(p []byte) (int, error) {
	s.before()
	if s.failed == nil {
		_, s.failed = s.buffer.Write(p)
		if s.prompt || s.terminal {
			s.Flush()
		}
	}
	return len(p), nil
}

// Flush sends what is buffered.
func (s *stream) Flush() {
	if s.failed == nil {
		s.failed = s.buffer.Flush()
	}
}

// width returns how many columns the terminal has, 80 if it does not say.
func (s *stream) width() int {
	if columns, _, err := term.GetSize(int(s.file.Fd())); err == nil && columns > 0 {
		return columns
	}
	return 80
}

// The colours of ours. None is ever the only sign of anything.
const (
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
)

// paint colours text where colours are wanted.
func (s *stream) paint(colour, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// scriptOutput returns the writer for what a script prints, and the function
// that ends it. Bytes pass as they are to a pipe or a file that takes nothing
// else, as from lua itself; to a terminal, and where our own lines stand in
// between, they are made visible.
func (s *stream) scriptOutput() (w io.Writer, end func()) {
	if !s.log {
		return s, s.Flush
	}
	e := &escaper{w: s}
	return e, func() {
		_ = e.Flush() // a stream takes everything
		s.Flush()
	}
}

// modLines returns the writer for the lines of mods, each of which begins with
// the mod's name. On a terminal a line that is too long goes on below, indented:
// where the terminal broke it, its rest could look like another mod's line.
func (s *stream) modLines() *folder { return &folder{to: s} }

// folder passes on whole lines, made visible. A line that comes again and again
// is shown once and counted.
type folder struct {
	to     *stream
	line   []byte // not finished
	last   string
	repeat int // how many times more the last one came
}

// Write takes all of p, and keeps the line that is not finished.
func (f *folder) Write(p []byte) (int, error) {
	f.line = append(f.line, p...)
	for {
		line, rest, found := strings.Cut(string(f.line), "\n")
		if !found {
			return len(p), nil
		}
		f.line = append(f.line[:0], rest...)
		if line = visible(line); line == f.last {
			f.repeat++
			continue
		}
		f.Flush()
		f.last = line
		f.put(line)
	}
}

// Flush tells of lines that came again, if that is still to be told.
func (f *folder) Flush() {
	switch {
	case f.repeat == 1:
		f.put(f.last)
	case f.repeat > 1:
		f.put(repeated(f.repeat))
	}
	f.repeat = 0
}

func (f *folder) put(line string) { fmt.Fprintln(f.to, f.to.fit(line)) }

// fit breaks the lines of a text where the terminal would break them, if s is
// one.
func (s *stream) fit(text string) string {
	if !s.terminal {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = foldLine(line, s.width())
	}
	return strings.Join(lines, "\n")
}

// foldLine breaks a line such that none of its parts is wider than the
// terminal, at a blank if there is one near; all but the first are indented.
// Tabs become blanks.
func foldLine(line string, most int) string {
	const indent = "    "
	most = max(most, 2*len(indent))
	var out strings.Builder
	var part []rune // of the line that is being filled
	column := 0
	for _, r := range strings.ReplaceAll(line, "\t", "  ") {
		if column+columns(r) > most {
			cut := len(part)
			for i := len(part) - 1; i > len(part)*2/3; i-- {
				if part[i] == ' ' {
					cut = i + 1
					break
				}
			}
			out.WriteString(string(part[:cut]) + "\n")
			part = append([]rune(indent), part[cut:]...)
			column = 0
			for _, p := range part {
				column += columns(p)
			}
		}
		part = append(part, r)
		column += columns(r)
	}
	return out.String() + string(part)
}

// columns returns how many columns of a terminal r takes, at most: characters
// that some terminals show wide count as wide, combining ones as one.
func columns(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth, width.EastAsianAmbiguous:
		return 2
	}
	return 1
}

// progress is one line at the bottom of a terminal, for work that takes longer
// than a moment.
type progress struct {
	to    *stream
	shown bool
	drawn bool
	began time.Time
	last  time.Time
}

const (
	progressAfter = time.Second
	progressEvery = 100 * time.Millisecond
)

// due reports whether show would draw now.
func (p *progress) due() bool {
	if !p.shown {
		return false
	}
	now := time.Now()
	return now.Sub(p.began) >= progressAfter && (!p.drawn || now.Sub(p.last) >= progressEvery)
}

// show draws the line anew, if it is time to or something else took its place.
func (p *progress) show(format string, args ...any) {
	if !p.due() {
		return
	}
	p.last = time.Now()
	p.clear()
	text := []rune(oneLine(fmt.Sprintf(format, args...)))
	fmt.Fprint(p.to, string(text[:min(len(text), p.to.width()-1)])) // two rows could not be wiped
	p.drawn = true
}

// clear wipes the line, if it is there.
func (p *progress) clear() {
	if p.drawn {
		p.drawn = false
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}
