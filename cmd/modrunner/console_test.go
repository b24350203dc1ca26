package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
)

// captured returns what f writes to a stream, which may pass for a terminal.
func captured(t *testing.T, terminal bool, f func(*stream)) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := newStream(w)
	s.terminal, s.colour, s.log = terminal, terminal, terminal
	text := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		text <- string(all)
	}()
	f(s)
	s.Flush()
	w.Close()
	return <-text
}

// Progress is one line that goes before anything else is written.
func TestProgress(t *testing.T) {
	draw := func(terminal bool) string {
		return captured(t, terminal, func(s *stream) {
			p := progress{to: s, shown: s.terminal}
			s.before = p.clear
			p.show("tick %d", 1)
			p.last = p.last.Add(time.Hour)
			p.show("tick %d", 2) // too soon after the first
			fmt.Fprintln(s, "[mod] a line")
			p.show("tick %d", 3)
			p.clear()
			p.clear()
		})
	}
	if diff := cmp.Diff("tick 1\r\x1b[K[mod] a line\ntick 3\r\x1b[K", draw(true)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("[mod] a line\n", draw(false)); diff != "" {
		t.Error(diff)
	}
}

// Progress is one row of the terminal, whatever is in it.
func TestProgressIsOneRow(t *testing.T) {
	got := captured(t, true, func(s *stream) {
		p := progress{to: s, shown: true}
		p.show("%s", "a\nb\x1b[2K"+strings.Repeat("x", 200))
	})
	if want := `a\nb\x1b[2K`; !strings.HasPrefix(got, want+"xx") || len(got) != 79 { // of the 80 that a terminal has that does not say
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// Work that does not take long shows no progress.
func TestProgressWaits(t *testing.T) {
	got := captured(t, true, func(s *stream) {
		p := progress{to: s, shown: true, began: time.Now().Add(time.Hour)}
		p.show("tick %d", 1)
	})
	if got != "" {
		t.Errorf("%q", got)
	}
}

func TestModLines(t *testing.T) {
	got := captured(t, false, func(s *stream) {
		w := s.modLines()
		for _, piece := range []string{"[a] o", "ne\n[a] one\n", "[a] two\n[a] two\n[a] two\n", "[a] \x1b[2K\xff\n[a] end\n[a] end\n[a] end\n"} {
			_, _ = io.WriteString(w, piece)
		}
		w.Flush()
	})
	want := `[a] one
[a] one
[a] two
modrunner: the line above came 2 times more
[a] \x1b[2K\xff
[a] end
modrunner: the line above came 2 times more
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestModLog(t *testing.T) {
	say := func(l *modLog) {
		log := slog.New(l.handler())
		violation := func(mod, kind string, tick int) {
			log.Warn("mod violation", "mod", mod, "version", "1.0.0", "kind", kind, "limit", "", "used", 0, "max", 0,
				"where", "main.lua:7", "during", "tick hook", "message", "something of "+mod, "tick", tick)
		}
		log.Info(mods.LogMessage, "mod", "weather", "text", "rain", slog.Group("fields", "hours", 2.0, "where", "the vale", "empty", "", "when", 946684800.05))
		log.Warn(mods.LogMessage, "mod", "weather", "text", "snow\nmodrunner: FORGED")
		log.Warn("mod refused", "mod", "weather", "reason", "is told elsewhere")
		log.Info("mod reloaded", "mod", "weather", "reason", "is told elsewhere")
		log.Debug("mod paused", "mod", "miner", "from", "active", "reason", "not done", "tick", 2)
		violation("miner", "limit", 3) // what comes of it is told in the same line
		log.Warn("mod quarantined", "mod", "miner", "from", "active", "reason", "limit", "tick", 3)
		violation("sloppy", "error", 4) // nothing comes of it
		violation("other", "error", 4)
		log.Warn("mod failing", "mod", "sloppy", "from", "active", "reason", "error", "tick", 4) // of an earlier one
		log.Info("mod loaded", "mod", "miner", "from", "quarantined", "reason", "", "tick", 9)
		log.Info("mod active", "mod", "sloppy", "from", "failing", "reason", "", "tick", 10)
		violation("weather", "error", 11) // told with why there was no reload
		log.Warn("mod not reloaded", "mod", "weather", "reason", "is told elsewhere")
		violation("last", "error", 12)
		_, _ = l.Write([]byte("[weather] printed\n"))
		log.With("sandbox", "miner").Error("internal error", "id", "7", "cause", "panic: secret", "stack", "goroutine 1")
	}
	var end status
	run := func(verbose bool) string {
		return captured(t, false, func(s *stream) {
			l := &modLog{to: s.modLines(), verbose: verbose}
			say(l)
			end = l.status()
		})
	}
	want := `[weather] info: rain hours=2 where="the vale" empty="" when=946684800.05
[weather] warn: snow\nmodrunner: FORGED
modrunner: miner: quarantined: something of miner; tick 3, tick hook at main.lua:7
modrunner: sloppy: error: something of sloppy; tick 4, tick hook at main.lua:7
modrunner: other: error: something of other; tick 4, tick hook at main.lua:7
modrunner: sloppy: failing: error; tick 4
modrunner: miner: the quarantine is over; loaded again in tick 9
modrunner: sloppy: no longer failing, active in tick 10
modrunner: last: error: something of last; tick 12, tick hook at main.lua:7
[weather] printed
modrunner: internal error sandbox=miner id=7
`
	if diff := cmp.Diff(want, run(false)); diff != "" {
		t.Error(diff)
	}
	if end != limitHit {
		t.Errorf("status %d, want %d, the worst of the violations", end, limitHit)
	}
	paused := "modrunner: miner: active -> paused in tick 2 (not done)\n"
	want = strings.Replace(want, "modrunner: miner: quarantined", paused+"modrunner: miner: quarantined", 1)
	if diff := cmp.Diff(want, run(true)); diff != "" {
		t.Error("--verbose:", diff)
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 100_000_000: "100,000,000", -1234: "-1,234"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 64 << 20: "64 MiB", 5 << 40: "5120 GiB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
	for kind, want := range map[limits.Kind]string{limits.Time: "1.5s", limits.Memory: "1.4 GiB", limits.Depth: "1,500,000,000"} {
		if got := amount(kind, 1_500_000_000); got != want {
			t.Errorf("amount(%s) = %q, want %q", kind, got, want)
		}
	}
	if got := amount(limits.Time, limits.Unlimited); got != "unlimited" {
		t.Error(got)
	}
}
