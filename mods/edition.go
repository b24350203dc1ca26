package mods

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/texts"
)

// edition is one version of a mod, checked: what it asks for and what it gets.
// It does not change.
type edition struct {
	bundle    *bundle.Bundle
	manifest  *manifest.Manifest
	libraries []*library // by id
	decision  policy.Decision
	asked     int // Host.asked when the decision was begun
	limits    limits.Limits
	choices   []choice
	program   *luasandbox.Program // nil if broken
	broken    error               // the main file is not Lua
	modules   map[string]module   // its other Lua files, by path
	texts     *texts.Tables       // nil if it has not asked for i18n
}

// module is a Lua file that require may run.
type module struct {
	program *luasandbox.Program // nil if broken
	broken  error
}

// scriptSource is the longest text that a mod compiles while it runs, in bytes:
// compiling cannot be paused, and takes some 60 ns a byte.
const scriptSource = 16 << 10

// compile compiles the mod's Lua files, so that none of them is compiled in a frame:
// as many as their limit of a source text holds in all, the main file first.
func (e *edition) compile(main string) {
	left := e.limits.WithDefaults().Source - int64(len(main))
	e.program, e.broken = luasandbox.Compile(e.manifest.Entry, main, e.limits)
	e.modules = map[string]module{}
	for _, f := range e.bundle.Files() {
		if !strings.HasSuffix(f.Path, ".lua") || f.Path == e.manifest.Entry || f.Size > left {
			continue
		}
		text, err := e.bundle.ReadFile(f.Path)
		if err != nil {
			continue
		}
		left -= f.Size
		var m module
		m.program, m.broken = luasandbox.Compile(f.Path, string(text), e.limits)
		e.modules[f.Path] = m
	}
	for _, l := range e.libraries {
		l.compile(e, &left)
	}
}

// edit checks what can be said of a mod without looking at others. There is an
// edition beside the error if the manifest could be read.
func (h *Host) edit(from Source) (*edition, error) {
	b := from.Bundle
	if b == nil {
		return nil, errors.New("there is neither a bundle nor a reason for that")
	}
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		return nil, err
	}
	e := &edition{bundle: b, manifest: man, limits: h.limitsFor(man.Limits)}
	h.mu.Lock()
	e.asked = h.asked
	h.mu.Unlock()
	if man.Library {
		return e, man.Problem("this is a library, which runs only as a part of the mods that name it under [libraries]", "mod", "library")
	}
	if !man.API.Contains(h.api) {
		return e, &APIError{Mod: man.ID, Want: man.API.Text, Have: h.api.String(),
			Err: man.Problem(fmt.Sprintf("it was written for version %s of the host's API; this host has %s", man.API.Text, h.api), "mod", "api")}
	}
	if e.libraries, err = adopt(man, from.Libraries); err != nil {
		return e, err
	}
	if err := e.checkModules(); err != nil {
		return e, err
	}
	if err := h.decide(e); err != nil {
		return e, err
	}
	e.limits = h.limitsFor(e.decision.Limits)
	if e.choices, err = h.permit(e); err != nil {
		return e, err
	}
	if slices.ContainsFunc(e.choices, func(c choice) bool { return c.capability.Name == "i18n" }) {
		if e.texts, err = readTables(b); err != nil {
			return e, err
		}
	}
	text, err := b.ReadFile(man.Entry)
	if err != nil {
		return e, man.Problem(fmt.Sprintf("there is no file %q in the mod, which is run first", man.Entry), "mod", "entry")
	}
	e.compile(string(text))
	return e, nil
}

// known returns what can be said of a mod that is refused; nil if that is nothing.
func (h *Host) known(b *bundle.Bundle) *edition {
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		return nil
	}
	return &edition{bundle: b, manifest: man, limits: h.limitsFor(man.Limits)}
}

// limitsFor returns the limits of a mod that asks for those.
func (h *Host) limitsFor(asked limits.Limits) limits.Limits {
	return h.journal.unhurried(limits.Intersect(h.cfg.Limits, asked.Or(h.cfg.Limits)))
}

// permit finds what was granted among what the host offers. What an optional request
// asks for, and the host does not have or give, is left out.
func (h *Host) permit(e *edition) ([]choice, error) {
	man := e.manifest
	granted := map[string]policy.PermissionDecision{}
	for _, p := range e.decision.Permissions {
		if p.Granted {
			granted[p.Capability] = p
		}
	}
	var choices []choice
	var problems []*manifest.Problem
	tables := map[string]string{}
	for _, p := range man.Permissions {
		g, given := granted[p.Name]
		if !given && p.Optional {
			continue
		}
		c, err := h.catalogue.choose(man, p, h.cfg.Flags[man.ID])
		if problem, ok := err.(*manifest.Problem); ok {
			problems = append(problems, problem)
			continue
		}
		if err != nil {
			if p.Optional {
				continue
			}
			return nil, err
		}
		if !given {
			e := &PermissionError{Mod: man.ID, Capability: p.Name}
			e.Err = man.Problem(fmt.Sprintf("this host does not allow the capability %q", p.Name), "permissions", p.Name)
			return nil, e
		}
		if other, taken := tables[c.table()]; taken {
			return nil, man.Problem(fmt.Sprintf("the capabilities %q and %q have one table in this host; a mod can have one of them", other, p.Name), "permissions", p.Name)
		}
		tables[c.table()] = p.Name
		options, bad := readOptions(man, p, c.Options)
		if wrong := options.clamp(g.Ruling.Options); wrong != "" {
			problems = append(problems, man.Problem(fmt.Sprintf("the rules bound the option %q of the capability %q, which is no number", wrong, p.Name), "permissions", p.Name))
		}
		choices = append(choices, choice{capability: c, options: options, permission: p})
		problems = append(problems, bad...)
	}
	switch len(problems) {
	case 0:
		return choices, nil
	case 1:
		return nil, problems[0]
	}
	return nil, &manifest.Error{Problems: problems}
}
