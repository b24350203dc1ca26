package mods

import (
	"encoding/json"

	"github.com/luasandbox/modrunner/luasandbox"
)

// apiDocument is what Host.API writes.
type apiDocument struct {
	APIVersion   string          `json:"api_version"`
	Hooks        []apiHook       `json:"hooks"`
	Events       []Event         `json:"events"`
	Capabilities []apiCapability `json:"capabilities"`
}

type apiHook struct {
	Name   string   `json:"name"`
	Params []string `json:"params"`
	Doc    string   `json:"doc"`
}

type apiCapability struct {
	Name       string          `json:"name"`
	Version    string          `json:"version"`
	Table      string          `json:"table"`
	Doc        string          `json:"doc"`
	Risk       Risk            `json:"risk"`
	Deprecated string          `json:"deprecated,omitempty"`
	Flag       string          `json:"flag,omitempty"`
	Sensitive  bool            `json:"sensitive,omitempty"`
	Allowed    bool            `json:"allowed"`
	IO         IOLimits        `json:"io"`
	Options    []Option        `json:"options"`
	Schema     json.RawMessage `json:"schema"`
}

var apiHooks = []apiHook{
	{"start", []string{}, "Called once, when the main files of all mods that were loaded together have run."},
	{"tick", []string{"tick", "dt"}, "Called in each tick that the mod is not still busy with an earlier one: with its number, and its length in seconds."},
	{"stop", []string{}, "Called once, when the game ends or the mod is unloaded."},
	{"on_save", []string{}, "Returns what the mod wants to know after a reload, or when a saved game is continued: a plain value of at most 1 MiB as JSON."},
	{"on_load", []string{"state"}, "Called in place of start with what on_save returned."},
	{"on_migrate", []string{"state", "version"}, "Called before on_load with what another version of the mod saved, and that version; returns the state for on_load."},
	{"on_timer", []string{"name"}, "Called for each timer that was started with a name."},
}

// API returns all that the host offers to mods as one indented JSON document: what
// stubs, mocks, documentation and policies are made from. The same configuration
// gives the same bytes. The document:
//
//	{"api_version", "hooks": [{"name", "params", "doc"}],
//	 "events": [{"name", "doc", "overflow", "key"}],
//	 "capabilities": [{"name", "version", "table" (where scripts find it), "doc",
//	   "risk", "deprecated", "flag", "sensitive", "allowed" (by Config.Policy), "io",
//	   "options": [{"name", "type", "doc", "required", "default", "min", "max", "choices"}],
//	   "schema": as luasandbox.Schema}]}
//
// Capabilities come by name, then by version, the highest first. It may be called at
// any time.
func (h *Host) API() ([]byte, error) {
	doc := apiDocument{APIVersion: h.api.String(), Hooks: apiHooks, Events: []Event{}, Capabilities: []apiCapability{}}
	for _, name := range sortedNames(h.declared) {
		doc.Events = append(doc.Events, *h.declared[name])
	}
	for _, name := range sortedNames(h.catalogue) {
		for _, c := range h.catalogue[name] {
			schema, err := luasandbox.Schema(c.described)
			if err != nil {
				return nil, err
			}
			options := c.Options
			if options == nil {
				options = []Option{}
			}
			doc.Capabilities = append(doc.Capabilities, apiCapability{
				Name: c.Name, Version: c.Version, Table: c.table(), Doc: c.Doc, Risk: c.Risk,
				Deprecated: c.Deprecated, Flag: c.Flag, Sensitive: c.Sensitive, Allowed: h.cfg.Policy.allows(c.Name),
				IO: c.IO, Options: options, Schema: schema,
			})
		}
	}
	return json.MarshalIndent(doc, "", "  ")
}

// Describe returns the document that [Host.API] of a host with that configuration
// returns, for who decides about mods before there is a host: a gatekeeper, above all.
// It opens no store and writes nothing. The error is that of [Open].
func Describe(cfg Config) ([]byte, error) {
	cfg.DataDir, cfg.OpenStore, cfg.Record, cfg.Replay = "", nil, nil, nil
	h, err := Open(cfg)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return h.API()
}
