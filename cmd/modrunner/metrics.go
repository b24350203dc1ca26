package main

import (
	"errors"
	"os"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/prometheus"
)

// metricsFile is the file that the figures of a run are written to at its end.
type metricsFile struct {
	collector *prometheus.Collector
	file      *os.File
}

// openMetrics makes the file at path, empty, and tells the host's configuration of it.
// The error is a *refusal.
func openMetrics(path string, cfg *mods.Config) (*metricsFile, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, &refusal{What: path, Reason: bare(err).Error(), Err: err}
	}
	m := &metricsFile{collector: prometheus.New(prometheus.Config{}), file: file}
	cfg.Metrics = m.collector
	return m, nil
}

// close writes the figures of a host that is closed.
func (m *metricsFile) close(host *mods.Host) error {
	m.collector.Observe(host)
	return errors.Join(m.collector.WriteText(m.file), m.file.Close())
}

// unmeasured reports that the figures of a run did not reach the disk.
func (c *console) unmeasured(path string, err error) {
	c.say(red, oneLine(path)+": the figures could not be written: "+oneLine(bare(err).Error()))
}
