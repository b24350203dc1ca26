package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// apiDocument is what a game offers, as its API document says.
type apiDocument struct {
	api          *gate.API
	capabilities []mods.Capability
	denied       map[string]bool // the policy of the document's host does not allow them
}

// readAPIFile reads the document in a file, or on standard input for "-". The errors:
// *gate.APIError, *refusal, *limits.CancelledError.
func (c *console) readAPIFile(ctx context.Context, path string) (*apiDocument, error) {
	text, err := readSource(ctx, path, gate.APIWanted, c.in, limits.Limits{Source: gate.MaxAPI})
	if limit, ok := errors.AsType[*limits.Error](err); ok {
		return nil, &refusal{What: path, Reason: size(limit.Asked) + " of API", Want: "at most " + size(limit.Max), Err: err}
	}
	if err != nil {
		return nil, err
	}
	return parseAPI(path, text)
}

// parseAPI reads a document. The error is a *gate.APIError.
func parseAPI(file, text string) (*apiDocument, error) {
	api, err := gate.ReadAPI([]byte(text))
	if e, ok := errors.AsType[*gate.APIError](err); ok {
		e.File = file
	}
	if err != nil {
		return nil, err
	}
	doc := &apiDocument{api: api, denied: map[string]bool{}}
	for i := range api.Capabilities {
		at := &api.Capabilities[i]
		c := declared(at)
		if err := acceptable(c); err != nil {
			return nil, &gate.APIError{File: file, Line: at.Line, Column: at.Column, Path: fmt.Sprintf("capabilities[%d]", i), Err: err}
		}
		doc.capabilities = append(doc.capabilities, c)
		if !at.Allowed {
			doc.denied[c.Name] = true
		}
	}
	return doc, nil
}

// declared returns a declaration as an engine makes it. Nothing of it is called.
func declared(c *gate.Capability) mods.Capability {
	out := mods.Capability{
		Name: c.Name, Version: c.Version, Doc: c.Doc, Risk: mods.Risk(c.Risk), Deprecated: c.Deprecated, Flag: c.Flag,
		Members: []luasandbox.Member{},
	}
	for _, o := range c.Options {
		out.Options = append(out.Options, mods.Option{
			Name: o.Name, Type: mods.OptionType(o.Type), Doc: o.Doc, Required: o.Required, Min: o.Min, Max: o.Max, Choices: o.Choices,
		})
	}
	return out
}

// acceptable returns why a host does not take a declaration by itself, if it does not.
func acceptable(c mods.Capability) error {
	const unlike = "999999999.0.0-document" // of all that are built in
	if v, err := semver.StrictNewVersion(c.Version); err == nil && v.String() == c.Version {
		c.Version = unlike
	}
	c.Flag = ""
	host, err := mods.Open(mods.Config{Capabilities: []mods.Capability{c}})
	if err == nil {
		err = host.Close()
	}
	if config, ok := errors.AsType[*mods.ConfigError](err); ok {
		err = config.Err
	}
	return err
}

// config has a host offer what the document says beside what every host has. Without
// a document it does nothing.
func (d *apiDocument) config(cfg *mods.Config) error {
	if d == nil {
		return nil
	}
	builtin, err := builtinAPI()
	if err != nil {
		return err
	}
	cfg.APIVersion, cfg.Capabilities = d.api.Version, nil
	own := offerAll()
	for _, c := range d.capabilities {
		if i := slices.IndexFunc(builtin.Capabilities, func(b gate.Capability) bool { return b.Name == c.Name && b.Version == c.Version }); i >= 0 {
			if c.Name == "storage" {
				cfg.Policy.StorageQuota = quotaOf(c)
			}
			continue
		}
		if i := slices.IndexFunc(own, func(o mods.Capability) bool { return o.Name == c.Name }); i >= 0 {
			borrowChecks(&c, own[i])
		}
		cfg.Capabilities = append(cfg.Capabilities, c)
	}
	return nil
}

// forGate returns what mods are offered: by a host as that of run, or, beside what
// every host has, as the document says.
func (d *apiDocument) forGate() (*gate.API, error) {
	if d == nil {
		return offeredToAll()
	}
	builtin, err := builtinAPI()
	if err != nil {
		return nil, err
	}
	api := *d.api
	api.Capabilities = slices.Clone(api.Capabilities)
	for _, c := range builtin.Capabilities {
		if !slices.ContainsFunc(api.Capabilities, func(o gate.Capability) bool { return o.Name == c.Name }) {
			api.Capabilities = append(api.Capabilities, c)
		}
	}
	return &api, nil
}

// builtinAPI returns what every host has.
func builtinAPI() (*gate.API, error) {
	host, err := mods.Open(mods.Config{})
	if err != nil {
		return nil, err
	}
	defer host.Close()
	text, err := host.API()
	if err != nil {
		return nil, err
	}
	return gate.ReadAPI(text)
}

// quotaOf returns the most that a declaration of storage lets mods ask for, 0 if it
// does not say.
func quotaOf(c mods.Capability) int64 {
	for _, o := range c.Options {
		if o.Name == "quota" && o.Max >= 1 && o.Max <= math.MaxInt32 {
			return int64(o.Max)
		}
	}
	return 0
}

// borrowChecks gives the options of c, which is one of ours in another game, the
// checks of form that ours have.
func borrowChecks(c *mods.Capability, ours mods.Capability) {
	for i := range c.Options {
		for _, o := range ours.Options {
			if o.Name == c.Options[i].Name && o.Type == c.Options[i].Type {
				c.Options[i].Check = o.Check
			}
		}
	}
}

// warnDenied tells of what a mod asks for and the document's host does not allow. The
// manifest may be nil, and so may d.
func (d *apiDocument) warnDenied(c *console, source string, man *manifest.Manifest) {
	if d == nil || man == nil {
		return
	}
	for _, p := range man.Permissions {
		if d.denied[p.Name] {
			c.warnedMod(source, man.Problem(fmt.Sprintf("the game does not allow the capability %q as it is set up there", p.Name), "permissions", p.Name))
		}
	}
}
