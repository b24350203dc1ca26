package mods_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/recording"
)

// TestReplayOfCutFrames repeats a run in which a clock decided when frames end, on a
// machine with another clock.
func TestReplayOfCutFrames(t *testing.T) {
	for _, workers := range []int{0, 2} {
		config := func(seed uint64, guard time.Duration) func(*mods.Config) {
			return func(c *mods.Config) {
				jumps := rand.New(rand.NewPCG(seed, 3))
				now := time.Duration(0)
				c.Elapsed = func() time.Duration {
					now += time.Duration(jumps.IntN(900)) * time.Microsecond
					return now
				}
				c.Frame = mods.Frame{Guard: guard, Workers: workers}
			}
		}
		r := mustPlay(t, nil, config(1, 2*time.Millisecond))
		r.session(1, 40)
		file := r.finish()
		cut := 0
		for _, f := range frames(t, file) {
			if f.End == recording.Cut {
				cut++
			}
		}
		if cut < 10 {
			t.Errorf("%d workers: the guard ended %d frames", workers, cut)
		}
		r.wantSame(file, config(2, time.Hour))
		// Without what the recording says of them, it is another run.
		damaged := altered(t, file, func(f *recording.Frame) { f.End = recording.Whole })
		var diverged *mods.DivergenceError
		if err := r.replay(damaged, config(2, time.Hour)).repeat(); !errors.As(err, &diverged) {
			t.Errorf("%d workers: frames that are not cut: %v", workers, err)
		}
	}
}

// replay returns a host that repeats a recording with the mods of r.
func (r *recorded) replay(file []byte, change func(*mods.Config)) *recorded {
	r.t.Helper()
	return mustPlay(r.t, &mods.Replay{Recording: bytes.NewReader(file), Sources: r.sources}, change)
}

// altered returns a recording of which frames are changed.
func altered(t testing.TB, file []byte, change func(*recording.Frame)) []byte {
	t.Helper()
	in, err := recording.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := recording.NewWriter(&out, in.Header())
	for _, f := range frames(t, file) {
		change(f)
		if err := w.Frame(f); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// TestReplayOfInterruptedFrames: a context ends in the middle of a tick, of a save and
// of the stop; when it is repeated, it does not.
func TestReplayOfInterruptedFrames(t *testing.T) {
	for _, workers := range []int{0, 2} {
		var end context.CancelFunc
		capability := func(c *mods.Config) {
			c.Frame.Workers = workers
			c.Capabilities = append(c.Capabilities, mods.Capability{Name: "plug", Members: []luasandbox.Member{
				luasandbox.Func("pull", func() {
					if end != nil {
						end()
					}
				}),
			}})
		}
		r := mustPlay(t, nil, capability)
		const plug = "\n[permissions.plug]\nreason = \"test\"\n"
		for _, id := range []string{"one", "two", "three"} {
			r.add(source(t, id, plug, `return {
				tick = function(n) if n == 3 then plug.pull() end for i = 1, 20000 do end print(n) end,
				on_save = function() plug.pull() print("saved") end,
				stop = function() plug.pull() print("stopped") end,
			}`))
		}
		ctx, cancel := context.WithCancel(context.Background())
		end = cancel
		var err error
		for range 5 {
			if err = r.Tick(ctx, time.Second); err != nil {
				break
			}
		}
		if !errors.Is(err, context.Canceled) || r.Status().Tick != 3 {
			t.Fatalf("tick %d: %v", r.Status().Tick, err)
		}
		end = nil
		r.tick(time.Second, time.Second)
		ctx, end = context.WithCancel(context.Background())
		if err := r.Save(ctx, io.Discard); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		ctx, end = context.WithCancel(context.Background())
		if err := r.Stop(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		r.stopped()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		end = nil
		if n := strings.Count(r.out.String(), "saved"); n != 1 {
			t.Errorf("%d mods saved; want one", n)
		}
		r.wantSame(r.file.Bytes(), capability)
	}
}

// TestReplayOfPart: a recording that is cut off anywhere is repeated as far as it goes.
func TestReplayOfPart(t *testing.T) {
	r, file := small(t, nil)
	for n := len(file) - 1; n > 0; n -= 1 + len(file)/60 {
		again, err := play(t, &mods.Replay{Recording: bytes.NewReader(file[:n]), Sources: r.sources}, nil)
		if err == nil {
			err = again.repeat()
			if errors.As(err, new(*mods.DivergenceError)) || again.Replayed().Over && n < len(file)-10 {
				t.Errorf("%d of %d bytes: %v", n, len(file), err)
			}
			if n == len(file)-1 && again.Replayed().Ticks != r.last.Tick {
				t.Errorf("%+v", again.Replayed())
			}
		}
		var cut *recording.Error
		stopped := err == nil && n > len(file)-30 // all but the last frame is there
		if !stopped && (!errors.As(err, &cut) || !errors.Is(err, recording.ErrCutOff) && !errors.Is(err, recording.ErrFormat)) {
			t.Errorf("%d of %d bytes: %v", n, len(file), err)
		}
	}
}

// TestReplayWithAnEngine: an engine that does the same again gets the same replies.
func TestReplayWithAnEngine(t *testing.T) {
	engine := func(r *recorded) (log []string) {
		said := func(values []any, err error) { log = append(log, fmt.Sprint(r.Status().Tick, values, err)) }
		r.add(source(t, "one", everything, `events.on("chat", function(p) return p .. "!" end) return {double = function(n) return n * 2 end}`))
		r.tick(time.Second, time.Second)
		ask, err := r.Ask("chat", "hello")
		if err != nil {
			t.Fatal(err)
		}
		call, err := r.Call("one", "double", 21)
		if err != nil {
			t.Fatal(err)
		}
		r.tick(time.Second, time.Second)
		said(ask.Get())
		said(call.Get())
		r.add(source(t, "two", everything, `print("late")`))
		r.tick(time.Second)
		edition := source(t, "one", everything, `print("new")`)
		r.sources = append(r.sources, edition)
		reload, err := r.Reload("one", edition)
		if err != nil {
			t.Fatal(err)
		}
		r.tick(time.Second, time.Second)
		said(reload.Get())
		return log
	}
	r := mustPlay(t, nil, nil)
	want := engine(r)
	file := r.finish()
	again := mustPlay(t, &mods.Replay{Recording: bytes.NewReader(file)}, nil)
	if diff := cmp.Diff(want, engine(again)); diff != "" {
		t.Error(diff)
	}
	if err := again.repeat(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(r.out.String(), again.out.String()); diff != "" {
		t.Error(diff)
	}

	// What the recording does not have has no effect.
	again = r.replay(file, nil)
	again.tick(time.Second)
	strange, err := again.Ask("chat", "what?")
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Unload("one"); err != nil {
		t.Error(err)
	}
	if err := again.Save(context.Background(), io.Discard); !errors.Is(err, mods.ErrReplays) {
		t.Error(err)
	}
	if _, err := again.Restore(context.Background(), strings.NewReader("{}")); !errors.Is(err, mods.ErrReplays) {
		t.Error(err)
	}
	if err := again.repeat(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(r.out.String(), again.out.String()); diff != "" {
		t.Error(diff)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if _, err := strange.Get(); !errors.Is(err, mods.ErrClosed) {
		t.Error(err)
	}
}

// TestRecordingHasNoTimeLimit: nothing ends by the clock alone, or it could not be
// repeated.
func TestRecordingHasNoTimeLimit(t *testing.T) {
	run := func(record io.Writer) *mods.Mod {
		w := newWorld(t, mods.Config{Record: record, Limits: limits.Limits{Time: 1}})
		m := w.mod("one", `return {tick = function() for i = 1, 1e5 do end end}`)
		w.run(4)
		return m
	}
	if m := run(nil); m.State() == mods.Active {
		t.Fatalf("without a recording it is %s", m.State())
	}
	if m := run(io.Discard); m.State() != mods.Active || m.Limits().Time != limits.UnlimitedTime {
		t.Errorf("it is %s: %+v", m.State(), m.Report())
	}
}

// TestWorksComeToAnEnd: a work counts among those under way until its answer is taken,
// and not any longer.
func TestWorksComeToAnEnd(t *testing.T) {
	const works = 2400 // of 2,048 that may be under way
	r := mustPlay(t, nil, nil)
	r.works = make(chan struct{}, works)
	for range works {
		r.works <- struct{}{}
	}
	r.add(source(t, "one", askOracle, `
for i = 1, 6 do task.spawn(function() for j = 1, 400 do oracle.later("x") end print("done") end) end`))
	for range 20_000 {
		r.tick(time.Millisecond)
		if strings.Count(r.out.String(), "done") == 6 {
			break
		}
		time.Sleep(100 * time.Microsecond)
	}
	r.wantSame(r.finish(), nil)
	if m := r.Mod("one").Report(); r.ran != works || m.ViolationCount > 0 {
		t.Errorf("%d works ended; want %d: %+v", r.ran, works, m.Violations)
	}
}

type fullDisk struct{ left int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, errors.New("the disk is full")
	}
	return len(p), nil
}

func TestRecordingThatCannotBeWritten(t *testing.T) {
	log := newJournal()
	h, err := mods.Open(mods.Config{Record: &fullDisk{3000}, Logger: slog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	all, err := h.Load(source(t, "one", "", `return {tick = function(n) print(n) end}`))
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if err := h.Tick(context.Background(), time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if r := all[0].Report(); r.Calls < 400 {
		t.Errorf("%+v", r)
	}
	var failed *recording.Error
	if err := h.Close(); !errors.As(err, &failed) || failed.Frame < 10 {
		t.Error(err)
	}
	if n := log.told("not recorded any more"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// TestReplayInAnotherProcess repeats a recording in a process of its own.
func TestReplayInAnotherProcess(t *testing.T) {
	const env = "REPLAY_IN_THIS_PROCESS"
	config := func(c *mods.Config) { c.Frame.Workers = 1 }
	if dir := os.Getenv(env); dir != "" {
		file, err := os.ReadFile(filepath.Join(dir, "run"))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		if names, err = filepath.Glob(filepath.Join(dir, "*.lua")); err != nil {
			t.Fatal(err)
		}
		r := &recorded{t: t}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			id, _, _ := strings.Cut(filepath.Base(name), "-")
			r.sources = append(r.sources, source(t, id, askOracle, string(text)))
		}
		again := r.replay(file, config)
		if err := again.repeat(); err != nil {
			t.Fatal(err)
		}
		if err := json.NewEncoder(os.Stdout).Encode(again.status()); err != nil {
			t.Fatal(err)
		}
		return
	}
	r := mustPlay(t, nil, config)
	r.session(4, 40)
	dir := t.TempDir()
	write := func(name string, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("run", r.finish())
	for i, s := range r.sources {
		text, err := s.Bundle.ReadFile("main.lua")
		if err != nil {
			t.Fatal(err)
		}
		id := ""
		for line := range strings.Lines(string(s.Bundle.Manifest())) {
			if _, after, ok := strings.Cut(line, `id = "`); ok && id == "" {
				id = strings.TrimSuffix(strings.TrimSpace(after), `"`)
			}
		}
		write(fmt.Sprintf("%s-%d.lua", id, i), text)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^TestReplayInAnotherProcess$")
	cmd.Env = append(os.Environ(), env+"="+dir)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	want, err := json.Marshal(r.last)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), line); diff != "" {
		t.Error(diff)
	}
}
