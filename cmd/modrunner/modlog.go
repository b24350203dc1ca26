package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"github.com/luasandbox/modrunner/mods"
)

// logHandler writes a host's log for people: what a mod logs as
// "[id] info: text  key=value", what the host itself has to say behind our own
// name.
type logHandler struct {
	to    io.Writer
	attrs []slog.Attr
}

// Enabled reports true: all levels are shown.
func (h *logHandler) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs returns a handler that adds attrs to each record.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{to: h.to, attrs: append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)}
}

// WithGroup returns h: names are not needed apart.
func (h *logHandler) WithGroup(string) slog.Handler { return h }

// The messages of the host's that are told in another way.
const (
	refusedMessage     = "mod refused"     // with its place, on standard error
	quarantinedMessage = "mod quarantined" // in our words
)

// Handle writes one line. What the host writes of causes and stacks, of internal
// errors, is for the host's developers and is left out.
func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Message == refusedMessage {
		return nil
	}
	var mod, text, reason string
	var fields strings.Builder
	add := func(a slog.Attr) {
		fmt.Fprintf(&fields, " %s=%s", oneLine(a.Key), fieldValue(a.Value))
	}
	see := func(a slog.Attr) bool {
		switch {
		case a.Key == "mod":
			mod = a.Value.String()
		case a.Key == "text" && r.Message == mods.LogMessage:
			text = a.Value.String()
		case a.Key == "reason" && r.Message == quarantinedMessage:
			reason = a.Value.String()
		case a.Key == "fields" && a.Value.Kind() == slog.KindGroup:
			for _, field := range a.Value.Group() {
				add(field)
			}
		case a.Key == "cause", a.Key == "stack":
		default:
			add(a)
		}
		return true
	}
	for _, a := range h.attrs {
		see(a)
	}
	r.Attrs(see)
	line := hostLine(mod, r.Message)
	switch r.Message {
	case mods.LogMessage:
		line = fmt.Sprintf("[%s] %s: %s", mod, strings.ToLower(r.Level.String()), text)
	case quarantinedMessage:
		line = quarantinedLine(mod, reason)
	}
	_, err := io.WriteString(h.to, oneLine(line+fields.String())+"\n")
	return err
}

// fieldValue writes a value so that it can be seen where it ends.
func fieldValue(v slog.Value) string {
	text := v.String()
	if v.Kind() == slog.KindFloat64 {
		text = strconv.FormatFloat(v.Float64(), 'g', 14, 64) // as Lua does
	}
	if text == "" || strings.ContainsAny(text, " =\"\t\n") {
		return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"`
	}
	return text
}
