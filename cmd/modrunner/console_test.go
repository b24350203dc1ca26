package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
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

func TestLogHandler(t *testing.T) {
	got := captured(t, false, func(s *stream) {
		w := s.modLines()
		log := slog.New(&logHandler{to: w})
		log.Info(mods.LogMessage, "mod", "weather", "text", "rain", slog.Group("fields", "hours", 2.0, "where", "the vale", "empty", "", "when", 946684800.05))
		log.Warn(mods.LogMessage, "mod", "weather", "text", "snow\nmodrunner: FORGED")
		log.Warn("mod refused", "mod", "weather", "reason", "is told elsewhere")
		log.Warn("mod quarantined", "mod", "miner", "reason", "hit a limit")
		log.With("sandbox", "miner").Error("internal error", "id", "7", "cause", "panic: secret", "stack", "goroutine 1")
	})
	want := `[weather] info: rain hours=2 where="the vale" empty="" when=946684800.05
[weather] warn: snow\nmodrunner: FORGED
modrunner: miner: quarantined: hit a limit
modrunner: internal error sandbox=miner id=7
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
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
