package prometheus_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/prometheus"
)

// game runs a host with two mods for some ticks.
func game(metrics *prometheus.Collector) (*mods.Host, error) {
	host, err := mods.Open(mods.Config{
		Policy:  mods.Policy{Allow: []string{"json"}},
		Frame:   mods.Frame{Guard: limits.UnlimitedTime},
		Metrics: metrics,
	})
	if err != nil {
		return nil, err
	}
	metrics.Observe(host)
	if _, err := host.Load(
		source("scribe", `return {tick = function(n) json.encode(n) end}`, "json"),
		source("sloth", `return {tick = function() while true do end end}`),
	); err != nil {
		host.Close()
		return nil, err
	}
	for range 20 {
		if err := host.Tick(context.Background(), time.Second/60); err != nil {
			host.Close()
			return nil, err
		}
	}
	return host, nil
}

// show prints some lines.
func show(text string) {
	for line := range strings.Lines(text) {
		for _, name := range []string{"host_calls_total", "modrunner_ticks_total", "quarantines_total", `kind="limit"`} {
			if strings.Contains(line, name) && !strings.HasPrefix(line, "#") && !strings.Contains(line, "_other") {
				fmt.Print(line)
			}
		}
	}
}

// An engine that has a way of its own to serve texts.
func ExampleCollector_WriteText() {
	metrics := prometheus.New(prometheus.Config{})
	host, err := game(metrics)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	var text bytes.Buffer
	if err := metrics.WriteText(&text); err != nil {
		fmt.Println(err)
		return
	}
	show(text.String())
	// Output:
	// modrunner_mod_host_calls_total{capability="json",mod="scribe"} 20
	// modrunner_mod_quarantines_total{mod="scribe"} 0
	// modrunner_mod_quarantines_total{mod="sloth"} 1
	// modrunner_mod_violations_total{kind="limit",mod="scribe"} 0
	// modrunner_mod_violations_total{kind="limit",mod="sloth"} 1
	// modrunner_ticks_total 20
}

// A server that has a registry already.
func Example() {
	metrics := prometheus.New(prometheus.Config{Mods: 20})
	registry := client.NewRegistry()
	registry.MustRegister(metrics)
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{}) // for http.Handle("/metrics", handler)

	host, err := game(metrics)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(response.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(string(text))
	// Output:
	// modrunner_mod_host_calls_total{capability="json",mod="scribe"} 20
	// modrunner_mod_quarantines_total{mod="scribe"} 0
	// modrunner_mod_quarantines_total{mod="sloth"} 1
	// modrunner_mod_violations_total{kind="limit",mod="scribe"} 0
	// modrunner_mod_violations_total{kind="limit",mod="sloth"} 1
	// modrunner_ticks_total 20
}
