package hostile

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os/exec"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

var recordStock = flag.Bool("stock", false, "run the whole control, stock gopher-lua, and write it down anew")

// What a careful host gives stock gopher-lua: the libraries without files, processes
// and debug (all of them for a script that asks for them), a context with a deadline,
// and from the system a limit on the process's data.
const (
	stockDeadline = 2 * time.Second  // of processors, or ten times that by the clock
	stockPatience = 10 * time.Second // of processors, until a process that does not end is killed
	stockClock    = time.Minute      // by the clock, the same for one that only waits
	stockData     = 2 << 30
)

// control is how a script ended on stock gopher-lua, as the page shows it.
type control struct {
	Script, Verdict string
	Output, Err     string
	Damage          string
}

// stock runs s in this process, which may not survive it.
func stock(s *script) any {
	if err := errors.Join(limitData(stockData), limitProcessor(stockPatience)); err != nil {
		return &control{Script: s.id(), Err: err.Error()}
	}
	return stockRun(s)
}

func stockRun(s *script) *control {
	c := &control{Script: s.id()}
	l := lua.NewState(lua.Options{SkipOpenLibs: !s.full})
	if !s.full {
		for _, open := range []lua.LGFunction{
			lua.OpenBase, lua.OpenTable, lua.OpenString, lua.OpenMath, lua.OpenCoroutine,
		} {
			l.Push(l.NewFunction(open))
			l.Call(0, 0)
		}
	}
	g := newGame()
	if s.class == "host-object-escape" {
		g.install(l)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*stockDeadline)
	defer cancel()
	go func() {
		for used() < stockDeadline {
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
	}()
	l.SetContext(ctx)
	fn, err := l.Load(strings.NewReader(s.text()), s.name+".lua")
	if err == nil {
		l.Push(fn)
		err = l.PCall(0, 0, nil)
	}
	if err != nil {
		c.Err = err.Error()
	}
	for _, f := range g.player.later {
		f()
	}
	c.Damage = g.damaged()
	if ctx.Err() != nil {
		c.Verdict = "stopped at the deadline"
	}
	return c
}

// onStock runs s in a process of its own and says how that ended.
func onStock(t testing.TB, s *script) *control {
	t.Helper()
	e := spawn(t, "stock", []*script{s}, stockClock)
	c := &control{Script: s.id()}
	if len(e.results) == 1 {
		if err := json.Unmarshal(e.results[0], c); err != nil {
			t.Fatal(err)
		}
	} else if len(e.started) == 0 {
		t.Fatalf("%s: the child did not begin: %v\n%s", s.id(), e.err, e.stderr)
	}
	c.Output = e.stdout
	c.judge(s, e)
	return c
}

// judge gives the run its verdict.
func (c *control) judge(s *script, e *ended) {
	got := c.got()
	var exit *exec.ExitError
	switch {
	case got != "" && c.Verdict == "":
		c.Verdict = got
	case e.timeout, exhausted(e.err):
		c.Verdict = "**hung**"
	case strings.Contains(e.stderr, "stack overflow") || strings.Contains(e.stderr, "stack exceeds"):
		c.Verdict = "**killed**: Go stack overflow"
	case strings.Contains(e.stderr, "concurrent map"):
		c.Verdict = "**killed**: concurrent map access"
	case strings.Contains(e.stderr, "out of memory") || strings.Contains(e.stderr, "cannot allocate"):
		c.Verdict = "**killed**: out of memory"
	case strings.Contains(e.stderr, "panic:"):
		c.Verdict = "**killed**: Go panic"
	case len(e.results) == 0 && e.err == nil, errors.As(e.err, &exit):
		c.Verdict = "**killed**: the script ended the process"
	case c.Verdict != "": // the deadline
	case len(e.stdout) > 1<<20:
		c.Verdict = "**flooded** the output"
	case c.Err != "":
		c.Verdict = "error"
	case !s.ends && strings.Join(lines(e.stdout), "\n") == strings.Join(s.output, "\n"):
		c.Verdict = "ends"
	case !s.ends:
		c.Verdict = "ends, with other results"
	default:
		c.Verdict = "ends, **unbounded**"
	}
}

// got is what the script got hold of, or nothing.
func (c *control) got() string {
	switch {
	case c.Damage != "":
		return "**escaped**: host objects changed"
	case hasLine(c.Output, "ESCAPED"):
		return "**escaped**"
	case hasLine(c.Output, "LEAKED"), strings.Contains(c.Output, secret), strings.Contains(c.Err, secret):
		return "**leaked**"
	}
	return ""
}

func hasLine(output, prefix string) bool {
	return strings.HasPrefix(output, prefix) || strings.Contains(output, "\n"+prefix)
}

// TestStock shows that what does not happen in a sandbox does happen on stock
// gopher-lua: for the recorded escapes and leaks, which take no time, always; for
// all with -stock.
func TestStock(t *testing.T) {
	if !canLimitData {
		t.Skip("needs a limit on the data of a process")
	}
	page := readPage(t)
	for _, s := range scripts(t) {
		recorded := page[s.id()]
		if !*recordStock && !quick(recorded) {
			continue
		}
		t.Run(s.id(), func(t *testing.T) {
			t.Parallel()
			c := onStock(t, s)
			if *recordStock {
				if c.Verdict != recorded {
					t.Logf("was %q, is %q", recorded, c.Verdict)
				}
				recordControl(s.id(), c.Verdict)
				return
			}
			if c.Verdict != recorded {
				t.Errorf("recorded as %q, and is %q\n%.500s\n%.500s", recorded, c.Verdict, c.Err, c.Output)
			}
		})
	}
	if *recordStock {
		t.Cleanup(func() { writePage(t, scripts(t)) })
	}
}

// quick reports whether a recorded run ends at once and in one way.
func quick(verdict string) bool {
	return strings.HasPrefix(verdict, "**escaped**") || strings.HasPrefix(verdict, "**leaked**")
}
