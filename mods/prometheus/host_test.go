package prometheus_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/prometheus"
)

// source makes a mod that asks for the capabilities out of its main file.
func source(id, main string, capabilities ...string) mods.Source {
	var manifest strings.Builder
	fmt.Fprintf(&manifest, "[mod]\nid = %q\nversion = \"1.0.0\"\n[permissions]\n", id)
	for _, c := range capabilities {
		fmt.Fprintf(&manifest, "%s = {reason = \"test\"}\n", c)
	}
	b, err := bundle.Open(fstest.MapFS{"mod.toml": {Data: []byte(manifest.String())}, "main.lua": {Data: []byte(main)}}, bundle.Limits{})
	return mods.Source{Bundle: b, Path: id, Err: err}
}

// world is a host and its collector.
type world struct {
	t testing.TB
	*mods.Host
	metrics *prometheus.Collector
}

// newWorld opens a host whose outcome does not depend on the machine's speed.
func newWorld(t testing.TB, metrics prometheus.Config, cfg mods.Config) *world {
	t.Helper()
	w := &world{t: t, metrics: prometheus.New(metrics)}
	cfg.Metrics = w.metrics
	cfg.Policy.All = true
	cfg.Limits.Time = limits.UnlimitedTime
	if cfg.Frame.Guard == 0 {
		cfg.Frame.Guard = limits.UnlimitedTime
	}
	h, err := mods.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Host = h
	w.metrics.Observe(h)
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) load(sources ...mods.Source) {
	w.t.Helper()
	if _, err := w.Load(sources...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) run(ticks int) {
	w.t.Helper()
	for range ticks {
		if err := w.Tick(w.t.Context(), 50*time.Millisecond); err != nil {
			w.t.Fatal(err)
		}
	}
}

// scrape returns what the collector shows, as name{label="value",...}.
func (w *world) scrape() map[string]float64 {
	w.t.Helper()
	r := client.NewPedanticRegistry()
	r.MustRegister(w.metrics)
	families, err := r.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			name := f.GetName()
			if labels != nil {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return values
}

// want compares some series.
func want(t testing.TB, got map[string]float64, wanted map[string]float64) {
	t.Helper()
	for name, value := range wanted {
		if v, there := got[name]; !there || v != value {
			t.Errorf("%s: %v (%t), want %v", name, v, there, value)
		}
	}
}

// labelled returns the values of the label mod.
func labelled(got map[string]float64) map[string]bool {
	ids := map[string]bool{}
	for name := range got {
		if _, rest, found := strings.Cut(name, `mod="`); found {
			id, _, _ := strings.Cut(rest, `"`)
			ids[id] = true
		}
	}
	return ids
}
