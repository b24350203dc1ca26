package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// measured is what the runs of one program on one engine came to.
type measured struct {
	fastest float64 // seconds
	result  string
	failure string // why there is no time
	missing bool   // the program is not written in the engine's language
}

func (m *measured) add(r *run, first bool) {
	switch {
	case r == nil:
		m.missing = true
	case r.failure != "":
		m.failure = r.failure
	case first:
		m.fastest, m.result = r.seconds, r.result
	case r.result != m.result:
		m.failure = fmt.Sprintf("returned %q, and %q when run again", m.result, r.result)
	default:
		m.fastest = min(m.fastest, r.seconds)
	}
}

func (m *measured) ok() bool { return m.failure == "" && !m.missing }

type table struct {
	engines []engine
	rows    []row
}

type row struct {
	program string
	runs    []measured // in the order of the engines
}

func newTable(engines []engine) *table { return &table{engines: engines} }

// add notes the runs of a program. An engine that does not agree with the first of
// lua5.1, gopher-lua and luasandbox that has a result has failed.
func (t *table) add(program string, runs []measured) {
	want := ""
	for _, name := range []string{puc, stock, ours} {
		if i := t.index(name); i >= 0 && runs[i].ok() {
			want = runs[i].result
			break
		}
	}
	for i := range runs {
		if runs[i].ok() && want != "" && runs[i].result != want {
			runs[i].failure = fmt.Sprintf("returned %q, which should be %q", runs[i].result, want)
		}
	}
	t.rows = append(t.rows, row{program, runs})
}

func (t *table) index(name string) int {
	for i, e := range t.engines {
		if e.name == name {
			return i
		}
	}
	return -1
}

// wrong returns an error if the sandbox failed a program.
func (t *table) wrong() error {
	i := t.index(ours)
	if i < 0 {
		return nil
	}
	var errs []error
	for _, r := range t.rows {
		if m := r.runs[i]; m.failure != "" {
			errs = append(errs, fmt.Errorf("%s: luasandbox: %s", r.program, m.failure))
		}
	}
	return errors.Join(errs...)
}

// progress is a line about the last program, in milliseconds.
func (t *table) progress() string {
	r := t.rows[len(t.rows)-1]
	var b strings.Builder
	fmt.Fprintf(&b, "%-18s", r.program)
	for i, m := range r.runs {
		value := "-"
		if m.ok() {
			value = fmt.Sprintf("%.0f", m.fastest*1e3)
		}
		fmt.Fprintf(&b, " %s=%s", t.engines[i].name, value)
	}
	return b.String()
}

// markdown is the table of ratios: our time divided by that of each other engine.
func (t *table) markdown(rounds int) string {
	var b strings.Builder
	var notes []string
	me := t.index(ours)
	b.WriteString("| program |")
	rule := "|---|"
	for i, e := range t.engines {
		if i == me {
			fmt.Fprintf(&b, " %s |", e.label)
		} else {
			fmt.Fprintf(&b, " / %s |", e.label)
		}
		rule += "--:|"
	}
	b.WriteString("\n" + rule + "\n")
	means := make([]struct {
		logs  float64
		count int
	}, len(t.engines))
	for _, r := range t.rows {
		fmt.Fprintf(&b, "| %s |", strings.ReplaceAll(r.program, "_", " "))
		for i, m := range r.runs {
			switch {
			case m.missing:
				b.WriteString(" |")
			case !m.ok():
				note := fmt.Sprintf("%s: %s", strings.ReplaceAll(r.program, "_", " "), m.failure)
				n := slices.Index(notes, note) + 1
				if n == 0 {
					notes = append(notes, note)
					n = len(notes)
				}
				fmt.Fprintf(&b, " – [%d] |", n)
			case i == me:
				fmt.Fprintf(&b, " %.0f ms |", m.fastest*1e3)
			case me >= 0 && r.runs[me].ok():
				ratio := r.runs[me].fastest / m.fastest
				means[i].logs += math.Log(ratio)
				means[i].count++
				fmt.Fprintf(&b, " %.2f |", ratio)
			default:
				fmt.Fprintf(&b, " %.0f ms |", m.fastest*1e3)
			}
		}
		b.WriteByte('\n')
	}
	b.WriteString("| **geometric mean** |")
	for i := range t.engines {
		if means[i].count == 0 {
			b.WriteString(" |")
			continue
		}
		fmt.Fprintf(&b, " **%.2f**", math.Exp(means[i].logs/float64(means[i].count)))
		if means[i].count < len(t.rows) {
			fmt.Fprintf(&b, " of %d", means[i].count)
		}
		b.WriteString(" |")
	}
	fmt.Fprintf(&b, "\n\n%s, %s; %s, the fastest of %d rounds. Below 1, luasandbox is faster.\n",
		machine(), time.Now().UTC().Format("2006-01-02"), clockName, rounds)
	for i, note := range notes {
		fmt.Fprintf(&b, "\n[%d] %s.\n", i+1, strings.NewReplacer("|", `\|`, "<", "&lt;", "\\", "\\\\").Replace(note))
	}
	return b.String()
}

func machine() string {
	name := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s, %s", name, runtime.NumCPU(), runtime.GOOS, runtime.Version())
}

const (
	begin = "<!-- speed: written by testdata/bench -->\n"
	end   = "<!-- end of speed -->\n"
)

// replaceBetweenMarkers writes text into a file in place of what is between its
// markers.
func replaceBetweenMarkers(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(old, []byte(begin))
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !ok || !closed {
		return fmt.Errorf("%s has no lines %q and %q", file, begin, end)
	}
	return os.WriteFile(file, []byte(string(before)+begin+"\n"+text+"\n"+end+string(after)), 0o644)
}
