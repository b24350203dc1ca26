package prometheus_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/prometheus"
)

var update = flag.Bool("update", false, "write the golden files anew")

// play runs a small game on a clock of its own, which only slow.work moves.
func play(t *testing.T) *world {
	var clock time.Duration
	slow := mods.Capability{Name: "slow", Members: []luasandbox.Member{
		luasandbox.Func("work", func() { clock += 3 * time.Millisecond }),
		luasandbox.Func("fail", func() error { return luasandbox.Errorf("slow.fail: as it says") }),
	}}
	w := newWorld(t, prometheus.Config{}, mods.Config{
		Capabilities: []mods.Capability{slow},
		Frame:        mods.Frame{Instructions: 100_000, Guard: 8 * time.Millisecond},
		Elapsed:      func() time.Duration { return clock },
	})
	w.load(
		source("builder", `return {tick = function(n) slow.work() pcall(slow.fail)
			if n == 5 then for i = 1, 3 do slow.work() end end end}`, "slow"),
		source("hog", `return {tick = function(n) if n > 3 then while true do end end end}`),
		source("faulty", `return {tick = function(n) if n % 3 == 0 then error("no") end end}`),
		source("waiter", `for i = 1, 3 do task.spawn(function() task.sleep(100) end) end`, "task"),
		source("talker", `return {tick = function() for i = 1, 20 do log.info("x" .. i) end end}`, "log"),
	)
	if _, err := w.Load(source("thief", "", "http")); err == nil {
		t.Fatal("the thief was loaded")
	}
	w.run(12)
	return w
}

// machine are the figures that are how many instructions and bytes something takes: of
// the virtual machine, and no business of the golden file.
var machine = regexp.MustCompile(`(?m)^(modrunner_(?:mod_)?(?:instructions_total|allocated_bytes_total|memory_bytes|frame_instructions)(?:\{.*\})?) \S+$`)

func TestText(t *testing.T) {
	w := play(t)
	var text bytes.Buffer
	if err := w.metrics.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	got := machine.ReplaceAllString(text.String(), "$1 (N)")
	if strings.Count(got, "(N)") != 2+3*6 {
		t.Errorf("%d figures are the machine's", strings.Count(got, "(N)"))
	}
	if *update {
		if err := os.WriteFile("testdata/game.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile("testdata/game.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(golden), "\r\n", "\n"), got); diff != "" {
		t.Error(diff)
	}
}

// TestAgreesWithStatus: what the golden file leaves out, and more.
func TestAgreesWithStatus(t *testing.T) {
	w := play(t)
	got, s := w.scrape(), w.Status()
	wanted := map[string]float64{
		"modrunner_ticks_total": 12, "modrunner_tick_duration_seconds": 12, "modrunner_tick_guard_ratio": 12,
		"modrunner_frame_instructions":        float64(s.Used),
		"modrunner_frame_budget_instructions": float64(s.Budget),
		"modrunner_mods_waiting":              float64(s.Waiting),
		`modrunner_mods{state="refused"}`:     1,
	}
	for _, r := range s.Mods {
		if r.State == mods.Refused {
			continue
		}
		of := func(name string, value int64) {
			wanted[fmt.Sprintf("modrunner_mod_%s{mod=%q}", name, r.ID)] = float64(value)
		}
		of("instructions_total", r.Instructions)
		of("allocated_bytes_total", r.AllocatedBytes)
		of("memory_bytes", r.MemoryBytes)
		of("quarantines_total", r.Quarantines)
		of("events_dropped_total", r.EventsDropped)
		of("log_lines_total", r.LogLines)
		of("log_lines_dropped_total", r.LogDropped)
		of("queue_length", int64(r.Waiting))
		of("parked_calls", int64(r.Parked))
		wanted[fmt.Sprintf("modrunner_mod_share_ratio{mod=%q}", r.ID)] = r.Share
		wanted[fmt.Sprintf("modrunner_mod_state{mod=%q,state=%q}", r.ID, r.State)] = 1
		counted := 0.0
		for name, n := range got {
			if strings.HasPrefix(name, "modrunner_mod_violations_total{") && strings.HasSuffix(name, fmt.Sprintf(",mod=%q}", r.ID)) {
				counted += n
			}
		}
		if counted != float64(r.ViolationCount) {
			t.Errorf("%s: %v violations, want %d", r.ID, counted, r.ViolationCount)
		}
		if r.Instructions == 0 || r.MemoryBytes == 0 {
			t.Errorf("%s did nothing", r.ID)
		}
	}
	want(t, got, wanted)
	if got["modrunner_instructions_total"] == 0 {
		t.Error("no instructions were counted")
	}
}

func TestLint(t *testing.T) {
	w := play(t)
	r := client.NewPedanticRegistry()
	if err := r.Register(w.metrics); err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestServed: promhttp and WriteText say the same.
func TestServed(t *testing.T) {
	w := play(t)
	r := client.NewRegistry()
	r.MustRegister(w.metrics)
	response := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(response, httptest.NewRequest("GET", "/metrics", nil))
	var text strings.Builder
	if err := w.metrics.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(response.Body.String(), text.String()); diff != "" {
		t.Error(diff)
	}
	if got := response.Header().Get("Content-Type"); !strings.HasPrefix(got, prometheus.ContentType) {
		t.Errorf("it is served as %q", got)
	}
}

// TestLater: a call that answers later is one call, whose outcome is the answer's.
func TestLater(t *testing.T) {
	begun := make(chan struct{}, 2)
	ask := mods.Capability{Name: "oracle", Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
		return []luasandbox.Member{luasandbox.Func("ask", func(fails bool) (*luasandbox.Pending, error) {
			p := luasandbox.Later()
			if fails {
				p.Reject(errors.New("no answer"))
			} else {
				p.Resolve("yes")
			}
			begun <- struct{}{}
			return p, nil
		})}, nil
	}}
	w := newWorld(t, prometheus.Config{}, mods.Config{Capabilities: []mods.Capability{ask}})
	w.load(source("pilgrim", `oracle.ask(false) pcall(oracle.ask, true)`, "oracle"))
	for range 1000 {
		w.run(1)
		if w.Mod("pilgrim").State() == mods.Active {
			break
		}
	}
	if len(begun) != 2 {
		t.Fatalf("it asked %d times", len(begun))
	}
	want(t, w.scrape(), map[string]float64{
		`modrunner_mod_host_calls_total{capability="oracle",mod="pilgrim"}`:       2,
		`modrunner_mod_host_call_errors_total{capability="oracle",mod="pilgrim"}`: 1,
	})
}

// TestLabels: many mods over time, few labels.
func TestLabels(t *testing.T) {
	const main = `return {tick = function() json.encode(1) end}`
	w := newWorld(t, prometheus.Config{Mods: 3}, mods.Config{})
	others := 0.0
	for round := range 20 {
		var sources []mods.Source
		var ids []string
		for i := range 5 {
			id := fmt.Sprintf("mod-%d-%d", round, i)
			ids = append(ids, id)
			sources = append(sources, source(id, main, "json"))
		}
		w.load(sources...)
		w.run(3)
		got := w.scrape()
		names := labelled(got)
		if len(names) != 4 || !names["_other"] {
			t.Fatalf("round %d: %v", round, slices.Sorted(maps.Keys(names)))
		}
		for id := range names {
			if id != "_other" && !slices.Contains(ids, id) {
				t.Errorf("round %d: %s is gone", round, id)
			}
		}
		calls := got[`modrunner_mod_host_calls_total{capability="json",mod="_other"}`]
		instructions := got[`modrunner_mod_instructions_total{mod="_other"}`]
		if calls <= 0 || instructions <= others {
			t.Errorf("round %d: the others made %v calls, and used %v instructions after %v", round, calls, instructions, others)
		}
		others = instructions
		if err := w.Unload(ids...); err != nil {
			t.Fatal(err)
		}
		w.run(1)
		if got := labelled(w.scrape()); len(got) != 1 {
			t.Errorf("round %d: after an unload: %v", round, got)
		}
	}
}

// TestLabelsUnscraped: where nobody looks, the mods that are there get the labels too.
func TestLabelsUnscraped(t *testing.T) {
	const main = `return {tick = function() json.encode(1) end}`
	w := newWorld(t, prometheus.Config{Mods: 1}, mods.Config{})
	w.load(source("first", main, "json"))
	w.run(2)
	if err := w.Unload("first"); err != nil {
		t.Fatal(err)
	}
	w.load(source("second", main, "json"))
	w.run(600)
	got := w.scrape()
	if diff := cmp.Diff(map[string]bool{"second": true, "_other": true}, labelled(got)); diff != "" {
		t.Error(diff)
	}
	all := got[`modrunner_mod_host_calls_total{capability="json",mod="second"}`]
	if rest := got[`modrunner_mod_host_calls_total{capability="json",mod="_other"}`]; all < 300 || rest < 100 || all+rest > 600 {
		t.Errorf("%v of its own, and %v of others", all, rest)
	}
}

// TestSums: the figures of mods without a label are summed up, each once, also when
// one of them gets a label; and no counter goes back when mods leave.
func TestSums(t *testing.T) {
	const main = `return {tick = function() for i = 1, 10 do log.info("x" .. i) end end}`
	w := newWorld(t, prometheus.Config{Mods: 1}, mods.Config{})
	for _, id := range []string{"one", "two", "three"} {
		w.load(source(id, main, "log"))
	}
	lines := func() (int64, map[string]float64) {
		sum, got := int64(0), w.scrape()
		for _, r := range w.Status().Mods {
			sum += r.LogLines
		}
		return sum, got
	}
	const name = `modrunner_mod_log_lines_total{mod=%q}`
	w.run(5)
	sum, got := lines()
	if own, rest := got[fmt.Sprintf(name, "one")], got[fmt.Sprintf(name, "_other")]; own == 0 || own+rest != float64(sum) || rest != 2*own {
		t.Errorf("%v and %v, want %d in all", own, rest, sum)
	}
	memory := int64(0)
	for _, r := range w.Status().Mods[1:] {
		memory += r.MemoryBytes
	}
	again := w.scrape() // looking changes nothing
	want(t, again, map[string]float64{
		`modrunner_mod_memory_bytes{mod="_other"}`: float64(memory),
		fmt.Sprintf(name, "_other"):                got[fmt.Sprintf(name, "_other")],
	})
	if _, there := again[`modrunner_mod_share_ratio{mod="_other"}`]; there {
		t.Error("a sum of shares")
	}
	before := got[fmt.Sprintf(name, "_other")]
	if err := w.Unload("one"); err != nil {
		t.Fatal(err)
	}
	w.run(5)
	sum, got = lines()
	own, rest := got[fmt.Sprintf(name, "two")], got[fmt.Sprintf(name, "_other")]
	if own == 0 || rest <= before || own+rest != float64(sum) {
		t.Errorf("%v and %v, want %d in all", own, rest, sum)
	}
	if err := w.Unload("three"); err != nil {
		t.Fatal(err)
	}
	w.run(1)
	_, got = lines()
	if now := got[fmt.Sprintf(name, "_other")]; now < rest {
		t.Errorf("a counter went from %v to %v", rest, now)
	}
}

func TestNoLabels(t *testing.T) {
	w := newWorld(t, prometheus.Config{Mods: -1}, mods.Config{})
	w.load(source("one", `for i = 1, 3 do json.encode(i) end`, "json"))
	w.run(1)
	got := w.scrape()
	want(t, got, map[string]float64{`modrunner_mod_host_calls_total{capability="json",mod="_other"}`: 3})
	if diff := cmp.Diff(map[string]bool{"_other": true}, labelled(got)); diff != "" {
		t.Error(diff)
	}
}

// TestIDIsNotOther: what stands for the others cannot be a mod's id.
func TestIDIsNotOther(t *testing.T) {
	w := newWorld(t, prometheus.Config{}, mods.Config{})
	if _, err := w.Load(source("_other", "")); err == nil {
		t.Error("a mod took the label of the others")
	}
}

// TestUnobserved: without a host, what was counted is shown.
func TestUnobserved(t *testing.T) {
	c := prometheus.New(prometheus.Config{})
	c.Tick(mods.TickFigures{Wall: time.Millisecond, Instructions: 5, Budget: 10})
	c.Violation("one", mods.ErrorViolation)
	c.Pause("one")
	w := &world{t: t, metrics: c}
	got := w.scrape()
	want(t, got, map[string]float64{
		"modrunner_ticks_total": 1, "modrunner_budget_instructions_total": 10, "modrunner_tick_guard_ratio": 0,
		`modrunner_mod_pauses_total{mod="one"}`:                     1,
		`modrunner_mod_violations_total{kind="error",mod="one"}`:    1,
		`modrunner_mod_violations_total{kind="limit",mod="one"}`:    0,
		`modrunner_mod_violations_total{kind="error",mod="_other"}`: 0,
	})
	if _, there := got[`modrunner_mod_instructions_total{mod="one"}`]; there {
		t.Error("figures without a host")
	}
}

// TestCapabilities: what is new does not take the place of what was there.
func TestCapabilities(t *testing.T) {
	c := prometheus.New(prometheus.Config{})
	for i := range 3 {
		for _, capability := range []string{"a", "b", "c"} {
			c.HostCall("one", capability, i == 0)
		}
	}
	got := (&world{t: t, metrics: c}).scrape()
	for _, capability := range []string{"a", "b", "c"} {
		want(t, got, map[string]float64{
			fmt.Sprintf("modrunner_mod_host_calls_total{capability=%q,mod=\"one\"}", capability):       3,
			fmt.Sprintf("modrunner_mod_host_call_errors_total{capability=%q,mod=\"one\"}", capability): 1,
		})
	}
}

// TestAtOnce: the bound holds, and no call is lost, when many come at the same time.
func TestAtOnce(t *testing.T) {
	for range 50 {
		c := prometheus.New(prometheus.Config{Mods: 3})
		var callers sync.WaitGroup
		start := make(chan struct{})
		for i := range 16 {
			mod := fmt.Sprintf("mod-%d", i)
			callers.Go(func() {
				<-start
				for j := range 10 {
					c.HostCall(mod, fmt.Sprintf("capability%d", j%5), false)
				}
			})
		}
		close(start)
		callers.Wait()
		got := (&world{t: t, metrics: c}).scrape()
		if names := labelled(got); len(names) != 4 {
			t.Fatalf("%d labels", len(names))
		}
		calls := 0.0
		for name, n := range got {
			if strings.HasPrefix(name, "modrunner_mod_host_calls_total{") {
				calls += n
			}
		}
		if calls != 160 {
			t.Fatalf("%v calls, want 160", calls)
		}
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestTextToBrokenWriter(t *testing.T) {
	if err := prometheus.New(prometheus.Config{}).WriteText(brokenWriter{}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

// TestWorkers: calls on several goroutines, while others scrape, and mods come and go.
func TestWorkers(t *testing.T) {
	w := newWorld(t, prometheus.Config{Mods: 4}, mods.Config{Frame: mods.Frame{Workers: 4}})
	var sources []mods.Source
	for i := range 8 {
		sources = append(sources, source(fmt.Sprintf("mod-%d", i), `return {tick = function() for i = 1, 20 do json.encode(i) pcall(json.decode, "x") end end}`, "json"))
	}
	w.load(sources...)
	done := make(chan struct{})
	var scrapers sync.WaitGroup
	for range 2 {
		scrapers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					if err := w.metrics.WriteText(&bytes.Buffer{}); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	w.run(30)
	close(done)
	scrapers.Wait()
	calls, failed, want := 0.0, 0.0, int64(0)
	for name, n := range w.scrape() {
		switch {
		case strings.HasPrefix(name, "modrunner_mod_host_calls_total{"):
			calls += n
		case strings.HasPrefix(name, "modrunner_mod_host_call_errors_total{"):
			failed += n
		}
	}
	for _, r := range w.Status().Mods {
		want += r.HostCalls
	}
	if want < 8*29*40 || calls != float64(want) || failed != float64(want/2) {
		t.Errorf("%v calls, %v failed; want %d, and half of them", calls, failed, want)
	}
}
