package mods

import (
	"context"
	"fmt"
	"io/fs"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// instance is one life of a mod: a sandbox and all that hangs on it. A reload or a
// quarantine ends it, and another begins.
type instance struct {
	mod       *Mod
	edition   *edition
	sandbox   *luasandbox.Sandbox // nil until it is opened
	ctx       context.Context     // ends with the instance
	cancel    context.CancelFunc
	functions map[string]*luasandbox.Function // fields of the table that the main file returned
	hooks     map[string]*luasandbox.Function // those of them that are hooks
	grantees  []*Grantee
	onEnd     []func()
	works     int // under way
	dropped   bool

	queue  jobQueue
	fresh  bool   // the last job was new, rather than one that had waited for an answer
	ready  []*job // their answers are there
	parked []*job // they wait for an answer

	subscriptions []*subscription
	emits         map[string]bool
	subscribes    map[string]bool
	uses          map[string]bool // services of others, as "economy/price"
	exports       map[string]bool // and those of its own
	timers        map[int64]*timer
	timerIDs      int64
	subIDs        int64
	waits         []*waiter              // task.wait
	onSetting     []*luasandbox.Function // config.on_change
	settings      map[string]any         // what config.get returns
}

// hookNames are the fields of the table that a main file returns which mean
// something.
var hookNames = []string{"start", "stop", "tick", "on_save", "on_load", "on_migrate", "on_timer"}

// hookHints is how many of the other fields are compared with them.
const hookHints = 64

func (in *instance) instructions() int64 {
	if in.sandbox == nil {
		return 0
	}
	return in.sandbox.Usage().Instructions
}

// open makes the sandbox with all grants, and runs what capabilities need of Lua.
func (in *instance) open() error {
	m, h := in.mod, in.mod.host
	grants, preludes, err := in.grants()
	if err != nil {
		return err
	}
	cfg := luasandbox.Config{
		Name:     m.id,
		Limits:   in.edition.limits,
		Grants:   grants,
		Now:      func() time.Time { return h.wall },
		Seed:     seedFor(h.cfg.Seed, "math", m.id),
		Modules:  in.module,
		Compiled: in.compiled,
		Logger:   h.cfg.Logger,
		Answered: func(t *luasandbox.Task) { h.taskAnswered(m, t) },
		Observe:  h.observer(in),
		Turns:    h.cfg.Frame.Workers > 0,
	}
	if len(in.edition.libraries) > 0 {
		cfg.Resolve = in.edition.resolveModule
	}
	cfg.Limits.Source = min(cfg.Limits.WithDefaults().Source, scriptSource)
	if h.cfg.Output != nil || h.journal.watches() {
		cfg.Output = h.output(m)
	}
	if in.sandbox, err = luasandbox.New(cfg); err != nil {
		return &GrantError{Mod: m.id, Err: err}
	}
	for _, p := range preludes {
		if _, err := in.sandbox.Load(in.ctx, p); err != nil {
			return &GrantError{Mod: m.id, Err: err}
		}
	}
	return nil
}

// grants collects what the mod may have.
func (in *instance) grants() (grants []*luasandbox.Grant, preludes []*luasandbox.Program, err error) {
	for _, c := range in.edition.choices {
		g := &Grantee{in: in, capability: c.capability, options: c.options}
		members, err := in.granted(c.capability, g)
		var grant *luasandbox.Grant
		if err == nil {
			grant = luasandbox.NewGrant(c.capability.table(), c.capability.Doc, members...)
			err = grant.Err()
		}
		if err != nil {
			return nil, nil, &GrantError{Mod: in.mod.id, Capability: c.capability.Name, Err: err}
		}
		in.grantees = append(in.grantees, g)
		grants = append(grants, grant)
		if c.capability.prelude != nil {
			preludes = append(preludes, c.capability.prelude())
		}
		in.mod.host.audit(in.mod, auditGrant, "capability", c.capability.Name, "version", c.capability.Version, "risk", string(c.capability.Risk), "reason", c.permission.Reason)
	}
	return grants, preludes, nil
}

// granted calls the engine's code.
func (in *instance) granted(c *Capability, g *Grantee) (members []luasandbox.Member, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in Grant: %v\n%s", p, debug.Stack())
		}
	}()
	return c.members(g)
}

// takeFunctions looks at what the main file returned. It returns what is wrong.
func (in *instance) takeFunctions(results luasandbox.Results) string {
	in.functions, in.hooks = map[string]*luasandbox.Function{}, map[string]*luasandbox.Function{}
	if len(results) == 0 || results[0] == nil {
		return ""
	}
	table, ok := results[0].(map[string]any)
	if !ok {
		return "it returns something else than a table with names"
	}
	unknown := 0
	for _, name := range sortedNames(table) {
		fn, isFunction := table[name].(*luasandbox.Function)
		known := slices.Contains(hookNames, name)
		switch {
		case known && !isFunction:
			return fmt.Sprintf("the hook %q is not a function", name)
		case isFunction:
			in.functions[name] = fn
			if known {
				in.hooks[name] = fn
			} else if unknown++; unknown > hookHints {
				continue // the comparing is work that the mod has not paid for
			} else if near := manifest.Nearest(name, hookNames); near != "" {
				in.mod.host.cfg.Logger.Warn("mod has an unknown hook", "mod", in.mod.id, "hook", escape(clip(name, 64)), "nearest", near)
			}
		}
	}
	return ""
}

// modulePaths returns which of the mod's own files require may mean: "lib.names" is
// lib/names.lua, or lib/names/init.lua. A slash in a name means nothing, so that a
// file has one name.
func modulePaths(name string) []string {
	base := strings.ReplaceAll(name, ".", "/")
	if strings.Contains(name, "/") || !fs.ValidPath(base) || base == "." {
		return nil
	}
	return []string{base + ".lua", base + "/init.lua"}
}

// compiled finds a module among those that were compiled with the edition.
func (in *instance) compiled(name string) (*luasandbox.Program, error) {
	if l := in.edition.moduleOf(name); l != nil {
		m := l.modules[name]
		return m.program, m.broken
	}
	for _, path := range modulePaths(name) {
		if m, ok := in.edition.modules[path]; ok {
			return m.program, m.broken
		}
		if _, err := in.edition.bundle.ReadFile(path); err == nil {
			break // its turn is before the next one's
		}
	}
	return nil, nil
}

// module finds the text of a module.
func (in *instance) module(name string) (chunk, source string, ok bool) {
	if l := in.edition.moduleOf(name); l != nil {
		text, err := l.bundle.ReadFile(l.files[name])
		return l.chunk(name), string(text), err == nil
	}
	for _, path := range modulePaths(name) {
		if text, err := in.edition.bundle.ReadFile(path); err == nil {
			return path, string(text), true
		}
	}
	return "", "", false
}

// drop ends the instance. Its jobs are not its own to end: see Mod.drop.
func (in *instance) drop() {
	if in.dropped {
		return
	}
	in.dropped = true
	in.cancel()
	in.mod.host.events.leave(in)
	for _, t := range in.timers {
		t.stop()
	}
	in.timers = nil
	for _, f := range slices.Backward(in.onEnd) {
		in.ended(f)
	}
	in.onEnd = nil
	if in.sandbox != nil {
		in.mod.retire(in.sandbox)
		_ = in.sandbox.Close() // it is not busy: its step has returned
	}
}

// takeJobs takes all that the instance had to do.
func (in *instance) takeJobs() []*job {
	jobs := append(append(in.parked, in.ready...), in.queue.jobs...)
	in.parked, in.ready, in.queue = nil, nil, jobQueue{}
	return jobs
}

// ended calls what an engine's capability has to do at the end.
func (in *instance) ended(f func()) {
	defer func() {
		if p := recover(); p != nil {
			in.mod.host.cfg.Logger.Error("panic in OnEnd", "mod", in.mod.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	f()
}

// discard lets go of the functions among what a mod returned: the host holds those
// that it is given. In their place, and that of handles, is nil.
func discard(results luasandbox.Results) {
	for i := range results {
		results[i] = discardValue(results[i])
	}
}

func discardValue(v any) any { // nested as deep as luasandbox copies
	switch v := v.(type) {
	case nil, bool, float64, string:
		return v
	case *luasandbox.Function:
		v.Release()
	case []any:
		for i, item := range v {
			v[i] = discardValue(item)
		}
		return v
	case map[string]any:
		for key, item := range v {
			v[key] = discardValue(item)
		}
		return v
	case map[any]any:
		for key, item := range v {
			v[key] = discardValue(item)
		}
		return v
	}
	return nil
}
