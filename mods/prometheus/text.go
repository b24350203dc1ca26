package prometheus

import (
	"bytes"
	"io"

	"github.com/prometheus/common/expfmt"
)

// ContentType is the media type of what [Collector.WriteText] writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// WriteText writes all figures in Prometheus' text format, sorted by name. It is for
// those who serve it by other means than the client library's promhttp, or keep it in
// a file. The error is the writer's, which is called once.
func (c *Collector) WriteText(w io.Writer) error {
	families, err := c.registry.Gather()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			return err
		}
	}
	_, err = w.Write(text.Bytes())
	return err
}
