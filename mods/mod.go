package mods

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// Why a mod is stopped for good. What it does in one tick beyond the tick hook
// ends where callsPerTick calls at their limit would end.
const (
	errorLimit   = 10    // errors within errorWindow that a mod is stopped for
	errorWindow  = 1_000 // ticks
	callsPerTick = 3
)

// Mod is one mod of a host. Its methods may be called from any goroutine,
// unless they say otherwise.
type Mod struct {
	host     *Host
	bundle   *bundle.Bundle
	manifest *manifest.Manifest // nil if it could not be read
	options  map[string]Options // by capability

	// What follows belongs to the host's goroutine.
	sandbox *luasandbox.Sandbox // nil before Start and after the end
	hooks   map[string]*luasandbox.Function
	limits  limits.Limits
	errors  []int64 // ticks of the last errors, at most errorLimit
	tick    tickUse

	mu     sync.Mutex // guards what follows
	report Report
	err    error // why it is refused or quarantined
}

// tickUse is what a mod did in the current tick.
type tickUse struct {
	instructions int64
	logLines     int
	logBytes     int
	flooded      bool
	dropped      int // log lines
}

// hookNames are the hooks that a mod can have.
var hookNames = []string{"start", "stop", "tick"}

// ID returns the id in the manifest; "" if the manifest could not be read.
func (m *Mod) ID() string {
	if m.manifest == nil {
		return ""
	}
	return m.manifest.ID
}

// Manifest returns the mod's manifest, nil if it could not be read.
func (m *Mod) Manifest() *manifest.Manifest { return m.manifest }

// Permission returns the mod's request for a capability.
func (m *Mod) Permission(capability string) (p manifest.Permission, ok bool) {
	if m.manifest == nil {
		return p, false
	}
	for _, p := range m.manifest.Permissions {
		if p.Name == capability {
			return p, true
		}
	}
	return p, false
}

// Limits returns the limits of each call of the mod: the host's, tightened by
// what the manifest asks for.
func (m *Mod) Limits() limits.Limits { return m.limits }

// State returns how far the mod has come.
func (m *Mod) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.report.State
}

// Err returns why the mod was refused or quarantined: what [Host.Add] returned,
// a [*DependencyError], a [*GrantError], a [*HookError], or an error of package
// luasandbox or limits; of a *luasandbox.ScriptError the texts are cut and the
// value is left out. Nil for a mod that is well.
func (m *Mod) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// Report returns what the host knows of the mod, up to the end of its last
// call.
func (m *Mod) Report() Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.report
	r.Violations = slices.Clone(r.Violations)
	return r
}

// Call calls a function that the mod gave to a capability, within the mod's
// limits. during says in reports what the call is for, as "timer 3". It is
// called by a [Ticker], with the context that it was passed, or by an engine
// between two ticks, on the host's goroutine; anywhere else it returns
// [ErrBusy].
//
// What the mod does wrong is in its report and changes its state; it is also
// returned, for information. An error that matches the context's end is the
// one that the caller has to pass on.
func (m *Mod) Call(ctx context.Context, during string, fn *luasandbox.Function, args ...any) (luasandbox.Results, error) {
	if now, _ := ctx.Value(tickKey{m.host}).(*ticking); now == nil || now.over.Load() {
		leave, err := m.host.enter()
		if err != nil {
			return nil, err
		}
		defer leave()
		if err := m.host.mustRun(); err != nil {
			return nil, err
		}
	}
	return m.call(ctx, during, fn, args...)
}

// Spent reports whether the mod has used up in this tick what it may use
// besides its tick hook. A [Ticker] that calls functions of mods again and
// again puts off what it has for a mod that is spent to the next tick: another
// call is then stopped by its own limit alone, and a mod cannot be brought to
// its limits by what others send it.
func (m *Mod) Spent() bool {
	most := limits.MulAdd(callsPerTick, m.limits.Instructions, 0)
	return m.tick.instructions > most
}

// errOver is what call returns for a context that ended.
var errOver = errors.New("the caller's context ended")

// call calls a function of the mod's and draws the consequences.
func (m *Mod) call(ctx context.Context, during string, fn *luasandbox.Function, args ...any) (luasandbox.Results, error) {
	return m.enter(ctx, during, func(ctx context.Context) (luasandbox.Results, error) {
		begun := m.sandbox.Usage().Calls
		results, err := m.sandbox.CallFunction(ctx, fn, args...)
		if err != nil && m.sandbox.Usage().Calls == begun && ctx.Err() == nil {
			err = &sendError{err}
		}
		return results, err
	})
}

// sendError is why a function was not called at all: what was to be passed to
// it does not fit into the mod. That is not the mod's fault.
type sendError struct{ err error }

func (e *sendError) Error() string { return e.err.Error() }
func (e *sendError) Unwrap() error { return e.err }

// enter runs f, a call into the sandbox, and draws the consequences.
func (m *Mod) enter(ctx context.Context, during string, f func(context.Context) (luasandbox.Results, error)) (luasandbox.Results, error) {
	if m.sandbox == nil {
		return nil, ErrNotRunning
	}
	if err := ctx.Err(); err != nil {
		return nil, over(ctx, err)
	}
	// The mod's host functions must not find their way back into the host.
	results, err := f(context.WithValue(ctx, tickKey{m.host}, nil))
	if _, unsent := err.(*sendError); unsent {
		m.dropEvent()
		m.account(0)
		return nil, err
	}
	m.tick.instructions = limits.MulAdd(1, m.sandbox.LastCall().Instructions, m.tick.instructions)
	m.account(1)
	if err != nil {
		err = m.judge(ctx, during, err)
	}
	return results, err
}

// over marks an error as the caller's own.
func over(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, err) {
		return fmt.Errorf("%w: %w: %w", errOver, err, cause)
	}
	return fmt.Errorf("%w: %w", errOver, err)
}

// account takes the sandbox's figures into the report.
func (m *Mod) account(calls int64) {
	u := m.sandbox.Usage()
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &m.report
	r.Calls += calls
	r.Instructions = u.Instructions
	r.MemoryBytes = u.Memory
	r.MemoryPeakBytes = u.MemoryPeak
	r.AllocatedBytes = u.Allocated
	r.HostCalls = u.HostCalls
	r.OutputBytes = u.Output
	r.WallMS = float64(u.Wall.Round(time.Microsecond)) / float64(time.Millisecond)
}

// judge decides what an error of a call means for the mod, and returns the
// error for the caller.
func (m *Mod) judge(ctx context.Context, during string, err error) error {
	var (
		script   *luasandbox.ScriptError
		limit    *limits.Error
		internal *luasandbox.InternalError
		result   *luasandbox.ResultError
	)
	v := Violation{Kind: ErrorViolation, During: during, Tick: m.host.tick, Message: err.Error()}
	switch {
	case ctx.Err() != nil && !errors.As(err, &script):
		// The time was the caller's. One who gives a tick a deadline wants to
		// know who lets it pass; one who cancels has other reasons.
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			v.Kind, v.Message = DeadlineViolation, "it was running when the deadline of the tick passed"
			m.failed(v, err)
		}
		return over(ctx, ctx.Err())
	case errors.As(err, &script):
		v.Message, v.Traceback = script.Message, script.Traceback
		m.failed(v, err)
	case errors.As(err, &limit):
		v.Kind, v.Limit = LimitViolation, limit.Kind.String()
		m.violate(v)
		m.quarantine(fmt.Sprintf("%v; tick %d, %s", limit, v.Tick, escape(during)), err)
	case errors.As(err, &internal):
		v.Kind = InternalViolation
		m.violate(v)
		m.quarantine(fmt.Sprintf("%v; tick %d, %s", err, v.Tick, escape(during)), err)
	case errors.As(err, &result):
		m.failed(v, err)
	}
	return err
}

// failed records an error, and stops a mod that has too many of them.
func (m *Mod) failed(v Violation, err error) {
	m.violate(v)
	if len(m.errors) == errorLimit {
		m.errors = slices.Delete(m.errors, 0, 1)
	}
	m.errors = append(m.errors, v.Tick)
	if len(m.errors) == errorLimit && v.Tick-m.errors[0] < errorWindow {
		m.quarantine(fmt.Sprintf("it failed %d times; last in tick %d, %s: %s", errorLimit, v.Tick, escape(v.During), firstLine(v.Message)), err)
	}
}

// violate records a violation.
func (m *Mod) violate(v Violation) {
	v.Message = escape(clip(v.Message, maxMessage))
	v.Traceback = escapeLines(clip(v.Traceback, maxTraceback))
	v.During = escape(clip(v.During, maxMessage))
	m.mu.Lock()
	defer m.mu.Unlock()
	last := v.Kind == LimitViolation || v.Kind == InternalViolation // there is always room for this
	if len(m.report.Violations) >= maxViolations && !last {
		m.report.ViolationsOmitted++
		return
	}
	m.report.Violations = append(m.report.Violations, v)
}

// end is the last thing that happens to a mod. Nothing of it runs any more.
func (m *Mod) end(state State, reason string, err error) {
	if m.sandbox != nil {
		m.account(0)
		_ = m.sandbox.Close() // it is not busy: its call has returned
		m.sandbox = nil
	}
	m.hooks = nil
	m.mu.Lock()
	defer m.mu.Unlock()
	m.report.State, m.report.Reason, m.err = state, reason, err
}

func (m *Mod) quarantine(reason string, err error) {
	if script, ok := errors.AsType[*luasandbox.ScriptError](err); ok {
		// What the script raised can be as large as its memory was.
		light := *script
		light.Value = nil
		light.Message, light.Traceback = strings.Clone(clip(script.Message, maxMessage)), strings.Clone(clip(script.Traceback, maxTraceback))
		err = &light
	}
	m.end(Quarantined, reason, err)
	m.host.cfg.Logger.Warn("mod quarantined", "mod", m.ID(), "reason", reason)
}

func (m *Mod) refuse(err error) {
	m.end(Refused, firstLine(err.Error()), err)
	m.host.cfg.Logger.Warn("mod refused", "mod", m.ID(), "source", m.report.Source, "reason", m.report.Reason)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return escape(clip(line, maxMessage))
}

// load makes the sandbox and runs the mod's main file. The only error is that
// of a context that ended.
func (m *Mod) load(ctx context.Context) error {
	grants, preludes, err := m.grants()
	if err != nil {
		m.refuse(err)
		return nil
	}
	text, err := m.bundle.ReadFile(m.manifest.Entry)
	if err != nil { // Add has looked
		m.refuse(err)
		return nil
	}
	program, err := luasandbox.Compile(m.manifest.Entry, string(text), m.limits)
	if err != nil {
		m.violate(Violation{Kind: SyntaxViolation, During: m.manifest.Entry, Message: err.Error()})
		m.quarantine("is not Lua: "+escape(clip(err.Error(), maxMessage)), err)
		return nil
	}
	cfg := m.host.cfg
	config := luasandbox.Config{
		Name:    m.ID(),
		Limits:  m.limits,
		Grants:  grants,
		Now:     cfg.Now,
		Seed:    seedFor(cfg.Seed, "math", m.ID()),
		Modules: m.module,
		Logger:  cfg.Logger,
	}
	if cfg.Output != nil {
		config.Output = &output{to: cfg.Output, prefix: "[" + m.ID() + "] "}
	}
	sandbox, err := luasandbox.New(config)
	if err != nil {
		m.refuse(&GrantError{Mod: m.ID(), Err: err})
		return nil
	}
	m.sandbox = sandbox
	m.setState(Running)
	for _, prelude := range preludes {
		if _, err := sandbox.Load(ctx, prelude); err != nil {
			if ctx.Err() != nil {
				return over(ctx, ctx.Err())
			}
			m.refuse(&GrantError{Mod: m.ID(), Err: err})
			return nil
		}
	}
	results, err := m.enter(ctx, m.manifest.Entry, func(ctx context.Context) (luasandbox.Results, error) {
		return sandbox.LoadFields(ctx, program)
	})
	switch {
	case errors.Is(err, errOver):
		return err
	case m.sandbox == nil: // quarantined
		return nil
	case err != nil:
		// It is recorded as a violation. A mod whose main file fails has not
		// become what it should be, so it does not get a second chance.
		m.quarantine(fmt.Sprintf("%s failed: %s", m.manifest.Entry, firstLine(err.Error())), err)
		return nil
	}
	if reason := m.takeHooks(results); reason != "" {
		err := &HookError{Mod: m.ID(), Entry: m.manifest.Entry, Reason: reason}
		m.violate(Violation{Kind: HookViolation, During: m.manifest.Entry, Message: err.Error()})
		m.quarantine(err.Error(), err)
	}
	return nil
}

func (m *Mod) setState(s State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.report.State = s
}

// grants collects what the mod may have.
func (m *Mod) grants() (grants []*luasandbox.Grant, preludes []*luasandbox.Program, err error) {
	for _, p := range m.manifest.Permissions {
		c := m.host.capabilities[p.Name]
		g, err := c.Grant(m, m.options[p.Name])
		if err == nil && g == nil {
			err = errors.New("the host's code returned no grant")
		}
		if err == nil {
			err = g.Err()
		}
		if err != nil {
			return nil, nil, &GrantError{Mod: m.ID(), Capability: p.Name, Err: err}
		}
		grants = append(grants, g)
		if c, ok := c.(interface{ prelude() *luasandbox.Program }); ok {
			preludes = append(preludes, c.prelude())
		}
	}
	return grants, preludes, nil
}

// takeHooks looks at what the main file returned. It returns what is wrong.
func (m *Mod) takeHooks(results luasandbox.Results) string {
	if len(results) == 0 || results[0] == nil {
		return ""
	}
	table, ok := results[0].(map[string]any)
	if !ok {
		return "it returns something else than a table with names"
	}
	hooks := map[string]*luasandbox.Function{}
	for _, name := range sortedNames(table) {
		fn, isFunction := table[name].(*luasandbox.Function)
		known := slices.Contains(hookNames, name)
		switch {
		case known && !isFunction:
			return fmt.Sprintf("the hook %q is not a function", name)
		case known:
			hooks[name] = fn
			delete(table, name)
		case isFunction:
			if near := manifest.Nearest(name, hookNames); near != "" {
				m.host.cfg.Logger.Warn("mod has an unknown hook", "mod", m.ID(), "hook", escape(clip(name, 64)), "nearest", near)
			}
		}
	}
	discard(results)
	m.hooks = hooks
	return ""
}

// hook calls a hook, if the mod has it. The only error is that of a context
// that ended.
func (m *Mod) hook(ctx context.Context, name string, args ...any) error {
	fn := m.hooks[name]
	if fn == nil {
		return nil
	}
	results, err := m.call(ctx, name+" hook", fn, args...)
	discard(results)
	if errors.Is(err, errOver) {
		return err
	}
	return nil
}

// discard lets go of the functions among what a mod returned: the host holds
// those that it is given.
func discard(results luasandbox.Results) { discardValue([]any(results)) }

func discardValue(v any) { // nested as deep as luasandbox copies
	switch v := v.(type) {
	case *luasandbox.Function:
		v.Release()
	case []any:
		for _, item := range v {
			discardValue(item)
		}
	case map[string]any:
		for _, item := range v {
			discardValue(item)
		}
	case map[any]any:
		for _, item := range v {
			discardValue(item)
		}
	}
}

// module finds what require asks for among the mod's own files: "lib.names" is
// lib/names.lua, or lib/names/init.lua. A slash in a name finds nothing, so
// that a file has one name.
func (m *Mod) module(name string) (chunk, source string, ok bool) {
	if strings.Contains(name, "/") {
		return "", "", false
	}
	base := strings.ReplaceAll(name, ".", "/")
	if !fs.ValidPath(base) || base == "." {
		return "", "", false
	}
	for _, path := range []string{base + ".lua", base + "/init.lua"} {
		if text, err := m.bundle.ReadFile(path); err == nil {
			return path, string(text), true
		}
	}
	return "", "", false
}

// seedFor mixes the host's seed with what the numbers are for and the mod's id,
// so that no mod's numbers tell another's.
func seedFor(seed uint64, use, id string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %s", seed, use, id)
	return h.Sum64()
}
