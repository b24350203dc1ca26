package mods

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/luasandbox/modrunner/luasandbox"
)

// serviceDepth is how many services may be at work for one call: a service that
// calls another, and so on.
const serviceDepth = 8

var (
	serviceName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	serviceUse  = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}/[A-Za-z_][A-Za-z0-9_]{0,63}$`)
)

// servicesCapability is "services": functions of one mod that another may call.
//
// The function is a field of the table that the other mod's main file returned. It
// runs in that mod's state, within that mod's limits and in its turn, and is charged
// to the share of the mod that called. Values are copied, both ways.
func (h *Host) servicesCapability() Capability {
	check := func(pattern *regexp.Regexp, want string) func(any) error {
		return func(v any) error {
			for _, text := range v.([]string) {
				if !pattern.MatchString(text) {
					return fmt.Errorf("%q: want %s", text, want)
				}
			}
			return nil
		}
	}
	return Capability{
		Name: "services", Risk: RiskLow,
		Doc: "Offer functions to other mods, and call theirs, by the names in the manifests of both.",
		Options: []Option{
			{Name: "export", Type: TextsOption, Doc: "functions of this mod that others may call", Check: check(serviceName, "the name of a function")},
			{Name: "use", Type: TextsOption, Doc: `functions of others that this mod may call, as "economy/price"`, Check: check(serviceUse, `a mod and its function, as "economy/price"`)},
		},
		Grant: func(g *Grantee) ([]luasandbox.Member, error) {
			if in := g.in; in != nil {
				in.uses, in.exports = set(g.Options().Texts("use")), set(g.Options().Texts("export"))
			}
			return []luasandbox.Member{
				luasandbox.Func("call", func(ctx context.Context, mod, function string, args ...any) (*luasandbox.Pending, error) {
					return h.callService(ctx, g, mod, function, args)
				},
					luasandbox.Params("mod", "name", "args"), luasandbox.Cost(500),
					luasandbox.Doc("Calls a function of another mod with copies of args, waits for it, and returns copies of what it returns. An error in it, and a mod that is not running, raise an error here.")),
				luasandbox.Func("available", func(mod, function string) bool {
					_, err := h.service(g, mod, function)
					return err == nil
				},
					luasandbox.Params("mod", "name"), luasandbox.Returns("available"),
					luasandbox.Doc("Returns whether services.call would reach the function now.")),
			}, nil
		},
	}
}

// service finds a service that a mod may call.
func (h *Host) service(g *Grantee, mod, function string) (*Mod, error) {
	name := mod + "/" + function
	if !g.in.uses[name] {
		return nil, scriptErrorf("services: %s is not under use in [permissions.services] of the manifest", shown(name))
	}
	m := h.Mod(mod)
	if m == nil || m == g.in.mod || m.live == nil || !m.loaded || !m.mayRun() {
		return nil, scriptErrorf("services: the mod %q is not running", mod)
	}
	if !m.live.exports[function] || m.live.functions[function] == nil {
		return nil, scriptErrorf("services: the mod %q does not export %q", mod, function)
	}
	return m, nil
}

func (h *Host) callService(ctx context.Context, g *Grantee, mod, function string, args []any) (*luasandbox.Pending, error) {
	m, err := h.service(g, mod, function)
	if err != nil {
		return nil, err
	}
	for i, a := range args {
		size, err := measure(ctx, a)
		if err != nil {
			return nil, scriptError(fmt.Sprintf("services: argument %d", i+1), err)
		}
		if err := g.Spend(0, size); err != nil {
			return nil, err
		}
	}
	if err := g.Spend(1, 0); err != nil {
		return nil, err
	}
	caller := g.in.mod.current
	if err := caller.waits(); err != nil {
		return nil, err
	}
	j := &job{in: m.live, kind: serviceJob, during: "service " + function, name: function, args: args, payer: g.in.mod}
	if caller != nil {
		j.hop, j.depth = caller.hop, caller.depth+1
		if caller.payer != nil {
			j.payer = caller.payer
		}
	}
	if j.depth > serviceDepth {
		return nil, scriptErrorf("services: more than %d services call each other", serviceDepth)
	}
	p, answer := g.in.later()
	j.end = func(results luasandbox.Results, err error) {
		if err == nil {
			for i := range results {
				if results[i], _, err = plainSized(results[i]); err != nil {
					break
				}
			}
		}
		if err != nil {
			p.Reject(serviceFailed(mod, function, err))
			answer()
			return
		}
		answer(results...)
	}
	if err := m.enqueue(j); err != nil {
		return nil, scriptErrorf("services: %s/%s: too many calls wait for the mod", mod, function)
	}
	return p, nil
}

// serviceFailed is how the caller sees that a service failed.
func serviceFailed(mod, function string, err error) error {
	message := "it failed"
	var script *luasandbox.ScriptError
	switch {
	case errors.As(err, &script):
		message = clip(script.Message, maxMessage)
	case errors.Is(err, ErrNotRunning), errors.Is(err, ErrClosed):
		message = "the mod is not running any more"
	default:
		message = clip(err.Error(), maxMessage)
	}
	return scriptErrorf("services: %s/%s: %s", mod, function, strings.ToValidUTF8(message, "?"))
}
