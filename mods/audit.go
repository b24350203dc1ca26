package mods

import (
	"log/slog"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/audit"
)

// The kinds of records that a host writes into the audit log.
const (
	auditGrant     = "grant"     // a mod that is being loaded gets a capability
	auditDenial    = "denial"    // a mod is refused
	auditDecided   = "decision"  // what was decided about a mod that is loaded or refused, and by which rules
	auditViolation = "violation" // a mod did what it must not
	auditState     = "state"     // a mod became failing, quarantined or disabled, or is so no more
	auditCall      = "call"      // a mod called a function of a sensitive capability
	auditLife      = "life"      // a mod was loaded, reloaded or unloaded
)

// audit writes a record about a mod, with keys and values by turns. What cannot be
// written is logged, once for each time that it begins to fail.
func (h *Host) audit(m *Mod, kind string, attrs ...any) {
	if h.cfg.Audit == nil {
		return
	}
	r := audit.Record{Time: h.wall, Sim: h.now, Kind: kind, Mod: m.id, Version: m.report.Version, Digest: m.report.Digest}
	group := slog.Group("", attrs...)
	r.Attrs = group.Value.Group()
	h.append(r)
}

// auditCall is audit for what a mod does with a capability.
func (h *Host) auditCall(in *instance, what string, attrs []slog.Attr) {
	if h.cfg.Audit == nil || in == nil {
		return
	}
	m := in.mod
	r := audit.Record{Time: h.wall, Sim: h.now, Kind: auditCall, Mod: m.id, Version: m.report.Version, Digest: m.report.Digest,
		Attrs: append([]slog.Attr{slog.String("function", what)}, attrs...)}
	if h.cfg.Frame.Workers > 0 { // the order of the mods decides, and not that of their goroutines
		m.audits = append(m.audits, r)
		return
	}
	h.append(r)
}

// flushAudit writes what m's calls have left for the log.
func (m *Mod) flushAudit() {
	for _, r := range m.audits {
		m.host.append(r)
	}
	m.audits = nil
}

func (h *Host) append(r audit.Record) {
	err := h.cfg.Audit.Append(r)
	if err != nil && !h.unaudited {
		h.cfg.Logger.Error("audit log cannot be written", "error", err)
	}
	h.unaudited = err != nil
}

// observer returns what is to be told of the host calls of an instance, nil if
// nobody wants to know.
func (h *Host) observer(in *instance) func(luasandbox.HostCall) {
	sensitive := map[string]bool{} // by table
	for _, c := range in.edition.choices {
		if c.capability.Sensitive {
			sensitive[c.capability.table()] = true
		}
	}
	if h.cfg.Metrics == nil && !h.journal.watches() && (len(sensitive) == 0 || h.cfg.Audit == nil) {
		return nil
	}
	return func(c luasandbox.HostCall) {
		if h.cfg.Metrics != nil && !c.Later { // one call, one outcome
			h.cfg.Metrics.HostCall(in.mod.id, c.Grant, c.Err != nil)
		}
		h.journal.call(in, c)
		if sensitive[c.Grant] && (!c.Answer || c.Err != nil) { // the attempt, and how it failed
			chunk, line := c.Place()
			attrs := []slog.Attr{slog.String("chunk", chunk), slog.Int("line", line)}
			if c.Answer {
				attrs = append(attrs, slog.Bool("answer", true))
			}
			if c.Err != nil {
				attrs = append(attrs, slog.String("error", c.Err.Error()))
			}
			h.auditCall(in, c.Function, attrs)
		}
	}
}
