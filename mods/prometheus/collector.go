package prometheus

import (
	"sync"
	"sync/atomic"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/luasandbox/modrunner/mods"
)

// DefaultMods is how many mods have series of their own unless told otherwise.
const DefaultMods = 100

// Config says what a [Collector] shows.
type Config struct {
	// Mods is how many mods have series of their own at a time. 0: [DefaultMods];
	// below 0: none.
	Mods int
}

// Collector takes the figures of one host and shows them to Prometheus. Its methods
// may be called from any goroutine. Those of [mods.Metrics] do not wait for a scrape.
type Collector struct {
	labels labels

	ticks, cut, used, budget atomic.Int64
	lastUsed, waiting        atomic.Int64
	duration, guardRatio     client.Histogram

	host     atomic.Pointer[mods.Host]
	scrape   sync.Mutex // guards what follows, and slot.pulled
	seen     *mods.Host // which last is of
	last     map[string]pulled
	registry *client.Registry // of c alone
}

var (
	_ mods.Metrics     = (*Collector)(nil)
	_ client.Collector = (*Collector)(nil)
)

// New returns a collector that has seen nothing yet.
func New(cfg Config) *Collector {
	most := cfg.Mods
	if most == 0 {
		most = DefaultMods
	}
	c := &Collector{
		duration: client.NewHistogram(client.HistogramOpts{
			Name: "modrunner_tick_duration_seconds", Help: "Wall-clock time of the part of a tick in which mods run.",
			Buckets: []float64{.00025, .0005, .001, .002, .004, .006, .008, .01, .012, .016, .033, .066, .1, .25, 1},
		}),
		guardRatio: client.NewHistogram(client.HistogramOpts{
			Name: "modrunner_tick_guard_ratio", Help: "The same time as a share of the guard, after which a frame ends.",
			Buckets: []float64{.1, .25, .5, .75, .9, 1, 1.1, 1.2, 1.5, 2, 5, 10},
		}),
		registry: client.NewRegistry(),
	}
	c.labels.init(max(most, 0))
	c.registry.MustRegister(c) // cannot fail: the descriptions are constants
	return c
}

// Observe names the host whose state is shown, which has c as its Config.Metrics. It
// is read at each scrape, also after it was closed. Nil: none.
func (c *Collector) Observe(host *mods.Host) { c.host.Store(host) }

// Tick is of [mods.Metrics].
func (c *Collector) Tick(f mods.TickFigures) {
	ticks := c.ticks.Add(1)
	c.used.Add(f.Instructions)
	c.budget.Add(f.Budget)
	c.lastUsed.Store(f.Instructions)
	c.waiting.Store(int64(f.Waiting))
	if f.Cut {
		c.cut.Add(1)
	}
	c.duration.Observe(f.Wall.Seconds())
	if f.Guard > 0 {
		c.guardRatio.Observe(float64(f.Wall) / float64(f.Guard))
	}
	if ticks%pruneTicks == 0 && c.labels.missed.Swap(false) {
		c.prune()
	}
}

// pruneTicks is after how many ticks places of mods that are gone are looked for, if
// one was needed and nobody scrapes.
const pruneTicks = 256

// prune frees the places of mods that are gone.
func (c *Collector) prune() {
	host := c.host.Load()
	if host == nil {
		return
	}
	c.labels.keep(func(id string) bool { return host.Mod(id) != nil })
}

// HostCall is of [mods.Metrics].
func (c *Collector) HostCall(mod, capability string, failed bool) {
	calls := c.labels.of(mod).callsOf(capability)
	calls.all.Add(1)
	if failed {
		calls.failed.Add(1)
	}
}

// Pause is of [mods.Metrics].
func (c *Collector) Pause(mod string) { c.labels.of(mod).pauses.Add(1) }

// Violation is of [mods.Metrics].
func (c *Collector) Violation(mod string, kind mods.ViolationKind) {
	s := c.labels.of(mod)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.violations == nil {
		s.violations = map[mods.ViolationKind]int64{}
	}
	s.violations[kind]++
}
