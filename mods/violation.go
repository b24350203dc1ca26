package mods

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/health"
)

// errorsTold is how many failures of the engine's functions that a mod meets are
// told of one by one; further ones are counted.
const errorsTold = 10

// judge decides what an error of a job means for the mod.
func (m *Mod) judge(j *job, err error) {
	if errors.Is(err, context.Canceled) && m.host.ctx.Err() != nil {
		return
	}
	v := m.violation(j, err)
	if j.in == m.staged && m.reload != nil {
		m.violate(v) // the reload fails, and the mod goes on as it was
		return
	}
	if j.kind == mainJob {
		return // boot draws the consequences
	}
	if j.payer != nil && v.Kind == ErrorViolation {
		return // the caller has the error
	}
	if v.Kind == HostViolation {
		// The engine's fault, not the mod's. It is not counted, and not told of without end.
		if m.hostFailures++; m.hostFailures <= errorsTold || m.hostFailures&(m.hostFailures-1) == 0 {
			m.violate(v)
			return
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.report.ViolationCount++
		m.report.ViolationsOmitted++
		return
	}
	m.violate(v)
	weight := 1
	switch v.Kind {
	case LimitViolation, InternalViolation:
		weight = health.Fatal
	}
	if j.payer != nil && v.Kind == LimitViolation {
		// Whoever calls a service chooses what it has to do: that a mod can be called
		// so that it fails must not be a way to have it stopped.
		j.payer.quarantineIf(j.payer.health.Violation(m.host.now, string(v.Kind), 1), v, err)
		return
	}
	m.quarantineIf(m.health.Violation(m.host.now, string(v.Kind), weight), v, err)
}

// fatal is judge for a main file that failed.
func (m *Mod) fatal(j *job, err error) {
	v := m.violation(j, err)
	m.violate(v)
	if grant, ok := errors.AsType[*GrantError](err); ok {
		m.end(Refused, firstLine(grant.Error()), err)
		m.drop(err)
		m.gone = true
		m.host.mu.Lock()
		delete(m.host.byID, m.id) // so that a mended version can be loaded
		m.host.mu.Unlock()
		m.host.relations = nil
		return
	}
	if v.Kind == SyntaxViolation { // the next time it would be the same
		v.Message = "is not Lua: " + v.Message
		c := m.health.Disable(m.host.now, v.Message)
		m.quarantineIf(c, v, err)
		return
	}
	m.quarantineIf(m.health.Violation(m.host.now, v.During+" failed: "+v.Message, health.Fatal), v, err)
}

// judgeFloods puts on the account what m did while it ran.
func (m *Mod) judgeFloods() {
	floods := m.floods
	m.floods = nil
	for _, v := range floods {
		m.quarantineIf(m.health.Violation(m.host.now, string(v.Kind), 1), v, nil)
	}
}

// quarantineIf notes why m is quarantined, if it is now.
func (m *Mod) quarantineIf(c health.Change, v Violation, err error) {
	m.check()
	m.touch()
	if c.To == Quarantined || c.To == Disabled {
		reason := fmt.Sprintf("%s; tick %d, %s", firstLine(v.Message), v.Tick, escape(v.During))
		m.mu.Lock()
		m.report.Reason, m.err = reason, light(err)
		m.report.Quarantines++
		m.mu.Unlock()
	}
	m.changed(c)
}

// light returns an error that does not hold what a script raised, which can be as
// large as its memory was.
func light(err error) error {
	script, ok := errors.AsType[*luasandbox.ScriptError](err)
	if !ok {
		return err
	}
	small := *script
	small.Value = nil
	small.Message, small.Traceback = strings.Clone(clip(script.Message, maxMessage)), strings.Clone(clip(script.Traceback, maxTraceback))
	return &small
}

// violation describes what a job did wrong.
func (m *Mod) violation(j *job, err error) Violation {
	v := Violation{Kind: ErrorViolation, During: j.during, Tick: m.host.tick, Time: m.host.now, Message: err.Error()}
	var (
		script   *luasandbox.ScriptError
		limit    *limits.Error
		internal *luasandbox.InternalError
		syntax   *luasandbox.SyntaxError
		hook     *HookError
		failed   *luasandbox.HostError
	)
	switch {
	case errors.As(err, &script):
		v.Message, v.Traceback = script.Message, script.Traceback
		if script.Chunk != "" {
			v.Where = fmt.Sprintf("%s:%d", script.Chunk, script.Line)
		}
		if errors.As(err, &failed) {
			v.Kind = HostViolation
		}
	case errors.As(err, &syntax):
		v.Kind = SyntaxViolation
	case errors.As(err, &hook):
		v.Kind = HookViolation
	case errors.As(err, &limit):
		v.Kind, v.Limit, v.Used, v.Max = LimitViolation, limit.Kind.String(), limit.Used, limit.Max
		if j.in.sandbox != nil {
			v.Traceback = j.in.sandbox.Traceback()
		}
	case errors.As(err, &internal):
		v.Kind = InternalViolation
	}
	if v.Where == "" {
		v.Where = firstFrame(v.Traceback)
	}
	return v
}

// firstFrame returns the place of the innermost Lua function in a traceback.
func firstFrame(traceback string) string {
	for line := range strings.Lines(traceback) {
		place, _, found := strings.Cut(strings.TrimSpace(line), ": in ")
		if found && !strings.HasPrefix(place, "[") {
			return place
		}
	}
	return ""
}

// unsent is what follows when a job could not be begun because what was to be
// passed to it does not fit into the mod. That is not the mod's fault.
func (m *Mod) unsent(j *job, _ error) {
	if j.kind == eventJob {
		m.dropEvent()
	}
}

// violate records a violation, once in each place that there is for it.
func (m *Mod) violate(v Violation) {
	v.Message = escape(clip(v.Message, maxMessage))
	v.Traceback = escapeLines(clip(v.Traceback, maxTraceback))
	v.During = escape(clip(v.During, maxMessage))
	v.Where = escape(clip(v.Where, maxMessage))
	h := m.host
	h.cfg.Logger.Warn("mod violation", "mod", m.id, "version", m.report.Version, "digest", m.report.Digest,
		"kind", string(v.Kind), "limit", v.Limit, "used", v.Used, "max", v.Max, "where", v.Where, "during", v.During,
		"message", v.Message, "tick", v.Tick)
	h.audit(m, auditViolation, "kind", string(v.Kind), "limit", v.Limit, "used", v.Used, "max", v.Max, "where", v.Where, "during", v.During, "message", v.Message)
	if h.cfg.Metrics != nil {
		h.cfg.Metrics.Violation(m.id, v.Kind)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.report.ViolationCount++
	if len(m.report.Violations) >= maxViolations {
		// The first ones say how it began, the last one what ended it.
		m.report.Violations[maxViolations-1] = v
		m.report.ViolationsOmitted++
		return
	}
	m.report.Violations = append(m.report.Violations, v)
}
