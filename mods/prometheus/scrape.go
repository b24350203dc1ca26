package prometheus

import (
	"maps"
	"slices"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/luasandbox/modrunner/mods"
)

// figure describes a figure.
type figure struct {
	desc *client.Desc
	kind client.ValueType
}

func counter(name, help string, labels ...string) figure {
	return figure{client.NewDesc(name, help, labels, nil), client.CounterValue}
}

func gauge(name, help string, labels ...string) figure {
	return figure{client.NewDesc(name, help, labels, nil), client.GaugeValue}
}

// Of the host.
var (
	ticks      = counter("modrunner_ticks_total", "Ticks.")
	ticksCut   = counter("modrunner_ticks_cut_total", "Ticks whose frame was ended by the guard.")
	used       = counter("modrunner_instructions_total", "Instructions that mods used in frames.")
	budgets    = counter("modrunner_budget_instructions_total", "Instructions that mods could have used in frames.")
	frameUsed  = gauge("modrunner_frame_instructions", "Instructions that mods used in the last frame.")
	frame      = gauge("modrunner_frame_budget_instructions", "Instructions of the next frame, less than configured after frames that the guard ended.")
	configured = gauge("modrunner_frame_budget_configured_instructions", "Instructions of a frame as configured.")
	works      = gauge("modrunner_works_in_progress", "Works that capabilities do beside the frames.")
	modsIn     = gauge("modrunner_mods", "Mods, by state.", "state")
	waiting    = gauge("modrunner_mods_waiting", "Mods with something left to do after the last frame.")
)

// Of mods.
var (
	pauses     = counter("modrunner_mod_pauses_total", "Ticks at whose end a handler was not finished.", "mod")
	violations = counter("modrunner_mod_violations_total", "Violations, by kind.", "mod", "kind")
	hostCalls  = counter("modrunner_mod_host_calls_total", "Calls of functions of capabilities.", "mod", "capability")
	callErrors = counter("modrunner_mod_host_call_errors_total", "Calls of functions of capabilities that failed.", "mod", "capability")
	share      = gauge("modrunner_mod_share_ratio", "Share of what the mod would have if it were not throttled.", "mod")
	state      = gauge("modrunner_mod_state", "1 for the state that the mod is in, else 0.", "mod", "state")
)

// pulls are the figures of mods that are in their reports and have a sum.
var pulls = [...]struct {
	figure
	of func(*mods.Report) int64
}{
	{counter("modrunner_mod_instructions_total", "Instructions used.", "mod"), func(r *mods.Report) int64 { return r.Instructions }},
	{counter("modrunner_mod_allocated_bytes_total", "Memory allocated, in all.", "mod"), func(r *mods.Report) int64 { return r.AllocatedBytes }},
	{counter("modrunner_mod_quarantines_total", "Quarantines.", "mod"), func(r *mods.Report) int64 { return r.Quarantines }},
	{counter("modrunner_mod_events_dropped_total", "Events that the mod was too slow to receive.", "mod"), func(r *mods.Report) int64 { return r.EventsDropped }},
	{counter("modrunner_mod_log_lines_total", "Lines logged.", "mod"), func(r *mods.Report) int64 { return r.LogLines }},
	{counter("modrunner_mod_log_lines_dropped_total", "Lines beyond what is taken in a tick.", "mod"), func(r *mods.Report) int64 { return r.LogDropped }},
	{gauge("modrunner_mod_memory_bytes", "Live memory.", "mod"), func(r *mods.Report) int64 { return r.MemoryBytes }},
	{gauge("modrunner_mod_queue_length", "Events, timers and calls that wait for the mod.", "mod"), func(r *mods.Report) int64 { return int64(r.Waiting) }},
	{gauge("modrunner_mod_parked_calls", "Handlers that wait for an answer.", "mod"), func(r *mods.Report) int64 { return int64(r.Parked) }},
}

// pulled are values of pulls.
type pulled [len(pulls)]int64

// all are the figures but for the histograms.
var all = func() []figure {
	list := []figure{
		ticks, ticksCut, used, budgets, frameUsed, frame, configured, works, modsIn, waiting,
		pauses, violations, hostCalls, callErrors, share, state,
	}
	for _, p := range pulls {
		list = append(list, p.figure)
	}
	return list
}()

// Those of a mod that is there come first.
var (
	modStates = []mods.State{
		mods.Loaded, mods.Active, mods.Paused, mods.Throttled, mods.Failing, mods.Quarantined, mods.Disabled, mods.Stopped,
	}
	states = append(slices.Clip(modStates), mods.Refused)
)

// kinds are those of violations. All are shown, also at 0: of a series that begins at 1,
// Prometheus does not know that it has increased.
var kinds = []mods.ViolationKind{
	mods.LimitViolation, mods.ErrorViolation, mods.SyntaxViolation, mods.HookViolation, mods.FloodViolation,
	mods.HostViolation, mods.InternalViolation,
}

// Describe is of the client library's Collector.
func (c *Collector) Describe(ch chan<- *client.Desc) {
	c.duration.Describe(ch)
	c.guardRatio.Describe(ch)
	for _, f := range all {
		ch <- f.desc
	}
}

// Collect is of the client library's Collector.
func (c *Collector) Collect(ch chan<- client.Metric) {
	c.duration.Collect(ch)
	c.guardRatio.Collect(ch)
	for _, m := range c.gather() {
		ch <- m
	}
}

// metrics are those of one scrape.
type metrics []client.Metric

func (m *metrics) add(f figure, value float64, labels ...string) {
	metric, err := client.NewConstMetric(f.desc, f.kind, value, labels...)
	if err != nil {
		metric = client.NewInvalidMetric(f.desc, err)
	}
	*m = append(*m, metric)
}

// gather makes all metrics but the histograms.
func (c *Collector) gather() metrics {
	c.scrape.Lock()
	defer c.scrape.Unlock()
	var out metrics
	out.add(ticks, float64(c.ticks.Load()))
	out.add(ticksCut, float64(c.cut.Load()))
	out.add(used, float64(c.used.Load()))
	out.add(budgets, float64(c.budget.Load()))
	out.add(frameUsed, float64(c.lastUsed.Load()))
	out.add(waiting, float64(c.waiting.Load()))
	host := c.host.Load()
	if host != c.seen {
		c.seen, c.last = host, nil
	}
	if host != nil {
		c.pull(&out, host.Status())
	}
	known := *c.labels.known.Load()
	for _, id := range slices.Sorted(maps.Keys(known)) {
		known[id].write(&out, id)
		if _, there := c.last[id]; there {
			known[id].writePulled(&out, id)
		}
	}
	c.labels.rest.write(&out, other)
	if host != nil {
		c.labels.rest.writePulled(&out, other)
	}
	return out
}

// pull takes the figures of a status, and writes those that are not kept.
func (c *Collector) pull(out *metrics, s mods.Status) {
	out.add(frame, float64(s.Budget))
	out.add(configured, float64(s.Configured))
	out.add(works, float64(s.Works))
	in := map[mods.State]int{}
	there := map[string]*mods.Report{}
	for i := range s.Mods {
		r := &s.Mods[i]
		in[r.State]++
		if r.State != mods.Refused && r.State != mods.Unloaded {
			there[r.ID] = r
		}
	}
	for _, state := range states {
		out.add(modsIn, float64(in[state]), string(state))
	}
	c.labels.keep(func(id string) bool { return there[id] != nil })
	c.labels.rest.pulled.resetGauges()
	last := make(map[string]pulled, len(there))
	for i := range s.Mods { // in load order: who came first has a label
		r := &s.Mods[i]
		if there[r.ID] != r {
			continue
		}
		slot := c.labels.of(r.ID)
		if slot == &c.labels.rest {
			last[r.ID] = slot.pulled.take(r, c.last[r.ID])
			continue
		}
		slot.pulled.resetGauges()
		last[r.ID] = slot.pulled.take(r, c.last[r.ID])
		out.add(share, r.Share, r.ID)
		for _, s := range modStates {
			value := 0.0
			if r.State == s {
				value = 1
			}
			out.add(state, value, r.ID, string(s))
		}
	}
	c.last = last
}

// take adds what a report says beyond the last one of the same mod, and returns what
// it says. Figures that went back are those of another mod of that id.
func (p *pulled) take(r *mods.Report, last pulled) (now pulled) {
	for i, pull := range pulls {
		now[i] = pull.of(r)
		switch {
		case pull.kind == client.GaugeValue:
			p[i] += now[i]
		case now[i] < last[i]:
			p[i] += now[i]
		default:
			p[i] += now[i] - last[i]
		}
	}
	return now
}

// resetGauges forgets what is summed up anew by each scrape.
func (p *pulled) resetGauges() {
	for i, pull := range pulls {
		if pull.kind == client.GaugeValue {
			p[i] = 0
		}
	}
}

// write writes what was counted.
func (s *slot) write(out *metrics, mod string) {
	out.add(pauses, float64(s.pauses.Load()), mod)
	if known := s.calls.Load(); known != nil {
		for capability, n := range *known {
			// Read in this order, there are never more errors than calls.
			failed := n.failed.Load()
			out.add(hostCalls, float64(n.all.Load()), mod, capability)
			out.add(callErrors, float64(failed), mod, capability)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range kinds {
		out.add(violations, float64(s.violations[kind]), mod, string(kind))
	}
}

// writePulled writes what reports said.
func (s *slot) writePulled(out *metrics, mod string) {
	for i, pull := range pulls {
		out.add(pull.figure, float64(s.pulled[i]), mod)
	}
}
