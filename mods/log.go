package mods

import (
	"context"
	"log/slog"
	"math"
	"strings"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/internal/jsonvalue"
)

// What one mod can write to the log.
const (
	logFields      = 32      // in one record
	logText        = 4 << 10 // bytes of a message
	logField       = 1 << 10 // bytes of a field
	logLinesInTick = 100
	logBytesInTick = 32 << 10
)

// logCapability is "log": log.debug, info, warn, error(message [, fields]).
func (h *Host) logCapability() Capability {
	return Capability{Name: "log", Doc: "Write messages to the host's log.", Risk: RiskNone,
		Grant: func(g *Grantee) ([]luasandbox.Member, error) {
			level := func(name string, level slog.Level) luasandbox.Member {
				return luasandbox.Func(name, func(ctx context.Context, message string, fields any) error {
					return g.in.mod.log(ctx, level, message, fields)
				},
					luasandbox.Params("message", "fields"),
					luasandbox.Doc("Logs a message, with a table of named values beside it."),
					luasandbox.Cost(logCost), luasandbox.CostPer("message", logCostPer64))
			}
			return []luasandbox.Member{
				level("debug", slog.LevelDebug), level("info", slog.LevelInfo),
				level("warn", slog.LevelWarn), level("error", slog.LevelError),
			}, nil
		}}
}

// Writing a record takes some 2 µs in slog's handlers, and escaping some 10 ns a
// byte; 2.5 ns are an instruction.
const (
	logBytes      = 1024 // of memory, beside the text
	logFieldBytes = 512
	logCost       = 1000
	logCostPer64  = 256
)

// log writes one record. Beyond what is taken in a tick, records are counted
// and dropped.
func (m *Mod) log(ctx context.Context, level slog.Level, message string, fields any) error {
	attrs, err := logAttrs(ctx, fields)
	if err != nil {
		return err
	}
	size := min(len(message), logText)
	for _, a := range attrs {
		size += len(a.Key) + len(a.Value.String())
	}
	use := m.usage()
	dropped := use.logLines >= logLinesInTick || use.logBytes+size > logBytesInTick
	m.countLog(dropped)
	if dropped {
		use.dropped++
		return nil
	}
	if err := luasandbox.Charge(ctx, 0, logBytes+escapedBytes(clip(message, logText))); err != nil {
		return err
	}
	use.logLines++
	use.logBytes += size
	record := []slog.Attr{slog.String("mod", m.id), slog.String("text", escape(clip(message, logText)))}
	if len(attrs) > 0 {
		record = append(record, slog.Attr{Key: "fields", Value: slog.GroupValue(attrs...)})
	}
	m.host.cfg.Logger.LogAttrs(context.WithoutCancel(ctx), level, LogMessage, record...)
	return nil
}

// LogMessage is the message of the records that mods write. What the mod said
// is in the attribute "text": nothing that is the host's is a mod's to choose.
const LogMessage = "mod log"

func (m *Mod) countLog(dropped bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if dropped {
		m.report.LogDropped++
	} else {
		m.report.LogLines++
	}
}

// logAttrs turns a table of fields into attributes, in the order of their
// names, escaped.
func logAttrs(ctx context.Context, fields any) ([]slog.Attr, error) {
	if fields == nil {
		return nil, nil
	}
	table, ok := fields.(map[string]any)
	if !ok {
		return nil, scriptErrorf("log: fields must be a table with names, as {player = \"Ada\"}")
	}
	if len(table) > logFields {
		return nil, scriptErrorf("log: %d fields; at most %d", len(table), logFields)
	}
	var attrs []slog.Attr
	for _, name := range sortedNames(table) {
		if err := luasandbox.Charge(ctx, int64(len(name))/4+64, 0); err != nil {
			return nil, err
		}
		if err := luasandbox.Charge(ctx, 0, logFieldBytes+escapedBytes(clip(name, logField))); err != nil {
			return nil, err
		}
		value, err := logValue(ctx, table[name])
		if err != nil {
			return nil, err
		}
		attrs = append(attrs, slog.Attr{Key: escape(clip(name, logField)), Value: value})
	}
	return attrs, nil
}

func logValue(ctx context.Context, v any) (slog.Value, error) {
	switch v := v.(type) {
	case bool:
		return slog.BoolValue(v), nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= maxInteger { // 1000000, and not 1e+06
			return slog.Int64Value(int64(v)), nil
		}
		return slog.Float64Value(v), nil
	case string:
		if err := luasandbox.Charge(ctx, int64(min(len(v), logField))*4, 0); err != nil {
			return slog.Value{}, err
		}
		if err := luasandbox.Charge(ctx, 0, escapedBytes(clip(v, logField))); err != nil {
			return slog.Value{}, err
		}
		return slog.StringValue(escape(clip(v, logField))), nil
	}
	text, err := jsonvalue.Encode(v, jsonvalue.Encoding{Most: logField, Null: true, Bytes: true,
		Charge: func(n int) error { return luasandbox.Charge(ctx, int64(n)*4, 0) }})
	if endsCall(err) {
		return slog.Value{}, err
	}
	if err != nil {
		text = "(" + strings.TrimSpace(err.Error()) + ")"
	}
	return slog.StringValue(escape(text)), nil
}
