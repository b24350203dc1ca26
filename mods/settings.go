package mods

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/internal/jsonvalue"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/storage"
)

// Where in the store the players' settings are kept: under the mods' ids, as JSON
// objects. No mod has such an id as this space.
const (
	settingsSpace = "@settings"
	settingsOfMod = 512 << 10 // bytes of one mod's record
	settingsBytes = 16 << 20  // of all records
)

// settingHandlers is how many functions a mod can have called for changes.
const settingHandlers = 16

// ErrNoSetting is the error for a setting that the mod's manifest does not declare.
var ErrNoSetting = errors.New("the mod has no such setting")

// SettingError is a setting that [Host.Set] cannot set.
type SettingError struct {
	Mod, Name string
	Err       error // what is wrong, and what would be right
}

// Error names the setting and says what would be right.
func (e *SettingError) Error() string {
	return fmt.Sprintf("setting %q of mod %q: %v", e.Name, e.Mod, e.Err)
}

// Unwrap returns what is wrong.
func (e *SettingError) Unwrap() error { return e.Err }

// Setting is a setting that a mod declares, and what it is set to.
type Setting struct {
	manifest.Setting
	Value  any  // bool, int64, float64 or string, by the Type
	Chosen bool // by the player; otherwise Value is the Default
}

// settings is what players chose. What it holds was read from a store, or was right
// for a version of a mod that may not be the one that is loaded: it is checked each
// time that it is used.
type settings struct {
	host *Host

	mu     sync.Mutex                // guards what follows
	chosen map[string]map[string]any // by mod and name: bool, float64 or string
	dirty  map[string]bool           // mods whose record the store does not have as it is
}

// read reads what an earlier host kept. A record that is damaged is told of and left
// out, until the player sets something of that mod.
func (s *settings) read() error {
	s.chosen, s.dirty = map[string]map[string]any{}, map[string]bool{}
	records, err := s.host.storage.store.Load(settingsSpace)
	if err != nil {
		return err
	}
	left := settingsBytes
	for _, id := range sortedNames(records) {
		var values map[string]any
		err := fmt.Errorf("%d bytes; at most %d, and %d for all mods", len(records[id]), settingsOfMod, settingsBytes)
		if n := len(records[id]); n <= settingsOfMod && n <= left {
			left -= n
			values, err = readSettings(records[id])
		}
		if err != nil {
			s.host.cfg.Logger.Error("the settings of a mod cannot be read", "mod", escape(clip(id, 64)), "error", escape(clip(err.Error(), maxMessage)))
			continue
		}
		s.chosen[id] = values
	}
	return nil
}

func readSettings(text string) (map[string]any, error) {
	value, err := jsonvalue.Decode(text, jsonvalue.Decoding{})
	if err != nil {
		return nil, err
	}
	values, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("it is not an object")
	}
	for name, v := range values {
		switch v.(type) {
		case bool, float64, string:
		default:
			return nil, fmt.Errorf("the value of %s is neither true or false, nor a number, nor a text", shown(name))
		}
	}
	return values, nil
}

// value returns what a setting is set to.
func (s *settings) value(mod string, declared manifest.Setting) (value any, chosen bool) {
	s.mu.Lock()
	raw, ok := s.chosen[mod][declared.Name]
	s.mu.Unlock()
	if ok {
		if v, err := declared.Check(raw); err == nil {
			return v, true
		}
	}
	return declared.Default, false
}

// check tells of what a player chose and the version that is loaded does not allow.
func (s *settings) check(m *Mod) {
	man := m.edition.manifest
	if len(man.Settings) > 0 && !slices.ContainsFunc(man.Permissions, func(p manifest.Permission) bool { return p.Name == "config" }) {
		at := man.Where("settings")
		s.host.cfg.Logger.Warn("mod has settings and does not ask for the capability to read them", "mod", m.id, "capability", "config", "where", fmt.Sprintf("%s:%d", at.File, at.Line))
	}
	for _, declared := range man.Settings {
		s.mu.Lock()
		raw, ok := s.chosen[m.id][declared.Name]
		s.mu.Unlock()
		if !ok {
			continue
		}
		if _, err := declared.Check(raw); err != nil {
			s.host.cfg.Logger.Warn("what was kept of a setting cannot be used; it has its default", "mod", m.id, "setting", declared.Name,
				"default", declared.Default, "error", escape(clip(err.Error(), maxMessage)))
		}
	}
}

// changes returns what the store does not have as it is, and what is to be called
// when it has.
func (s *settings) changes() ([]storage.Change, func(saved bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var changes []storage.Change
	for _, mod := range sortedNames(s.dirty) {
		values := map[string]any{}
		maps.Copy(values, s.chosen[mod])
		text, err := jsonvalue.Encode(values, jsonvalue.Encoding{Most: settingsOfMod})
		if err != nil { // checked values always fit
			s.host.cfg.Logger.Error("the settings of a mod cannot be written", "mod", mod, "error", err)
			continue
		}
		changes = append(changes, storage.Change{Mod: settingsSpace, Key: mod, Value: text, Delete: len(values) == 0})
	}
	writing := s.dirty
	s.dirty = map[string]bool{}
	return changes, func(saved bool) {
		if saved {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for mod := range writing {
			s.dirty[mod] = true
		}
	}
}

// Settings returns the settings that a mod declares, in the order of its manifest,
// with what holds now: what a settings menu shows. It is empty for a mod that is not
// there.
func (h *Host) Settings(mod string) []Setting {
	m := h.Mod(mod)
	if m == nil {
		return nil
	}
	var all []Setting
	for _, declared := range m.Manifest().Settings {
		s := Setting{Setting: declared}
		s.Choices = slices.Clone(s.Choices)
		s.Value, s.Chosen = h.settings.value(mod, declared)
		all = append(all, s)
	}
	return all
}

// Set sets one of a mod's settings, in the next tick: the mod then reads the new
// value, and its functions that wait for changes are called. It is kept in the store,
// for the mod's later versions too, as long as these allow the value. value is a
// bool, int, int64, float64 or string that the setting allows; nil goes back to the
// default.
//
// The errors: a [*SettingError], which wraps [ErrNoMod], [ErrNoSetting] or a
// [*manifest.SettingValueError]; [ErrStopped], [ErrClosed].
func (h *Host) Set(mod, name string, value any) error {
	m := h.Mod(mod)
	if m == nil {
		return &SettingError{Mod: mod, Name: name, Err: ErrNoMod}
	}
	in := &settingInput{mod: mod, name: name}
	var err error
	if in.value, err = fitting(m.Manifest(), name, value); err != nil {
		return &SettingError{Mod: mod, Name: name, Err: err}
	}
	return h.tell(in)
}

// fitting returns a value in the form in which it is kept, if the setting allows it.
func fitting(man *manifest.Manifest, name string, value any) (any, error) {
	declared, err := declaredSetting(man, name)
	if err != nil || value == nil {
		return nil, err
	}
	if value, err = declared.Check(value); err != nil {
		return nil, err
	}
	switch v := value.(type) {
	case int64:
		return float64(v), nil // at most 2^53
	case string:
		return strings.Clone(v), nil
	}
	return value, nil
}

// declaredSetting finds a setting by its name. The error wraps ErrNoSetting.
func declaredSetting(man *manifest.Manifest, name string) (manifest.Setting, error) {
	var names []string
	for _, s := range man.Settings {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	if near := manifest.Nearest(name, names); near != "" {
		return manifest.Setting{}, fmt.Errorf("%w; did you mean %q?", ErrNoSetting, near)
	}
	return manifest.Setting{}, ErrNoSetting
}

// settingInput is a Set.
type settingInput struct {
	mod, name string
	value     any // nil, bool, float64 or string
}

func (in *settingInput) apply(h *Host) {
	m := h.Mod(in.mod)
	if m == nil {
		return // unloaded meanwhile
	}
	man := m.edition.manifest
	declared, err := declaredSetting(man, in.name)
	if err == nil && in.value != nil {
		_, err = declared.Check(in.value)
	}
	if err != nil { // of another version than the one that was asked
		h.cfg.Logger.Warn("a setting cannot be set any more", "mod", m.id, "setting", in.name, "error", escape(clip(err.Error(), maxMessage)))
		return
	}
	before, _ := h.settings.value(m.id, declared)
	h.settings.set(m.id, man, in.name, in.value)
	after, _ := h.settings.value(m.id, declared)
	if before == after {
		return
	}
	for _, i := range []*instance{m.staged, m.live} {
		if i != nil {
			i.settingChanged(in.name, after)
		}
	}
}

// set keeps what a player chose, and forgets what the manifest does not declare any
// more.
func (s *settings) set(mod string, man *manifest.Manifest, name string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	values := map[string]any{}
	for _, declared := range man.Settings {
		if v, ok := s.chosen[mod][declared.Name]; ok {
			values[declared.Name] = v
		}
	}
	values[name] = value
	if value == nil {
		delete(values, name)
	}
	s.chosen[mod] = values
	s.dirty[mod] = true
}

// settingChanged has the functions called that wait for changes. What waits for its
// turn is replaced by a later change of the same setting: so there are never more
// than one for each function and setting.
func (in *instance) settingChanged(name string, value any) {
	if in.settings != nil { // otherwise they are read when config is granted
		in.settings[name] = value
	}
	for _, fn := range in.onSetting {
		if i := slices.IndexFunc(in.queue.jobs, func(j *job) bool { return j.kind == settingJob && j.fn == fn && j.key == name }); i >= 0 {
			in.queue.jobs[i].args = []any{name, value}
			continue
		}
		if fn.Keep() != nil {
			continue
		}
		j := &job{in: in, kind: settingJob, during: "change of the setting " + name, fn: fn, args: []any{name, value}, key: name, release: true}
		if err := in.mod.enqueue(j); err != nil {
			in.mod.abandon(j, err)
		}
	}
}

// chargeNearest charges the running call for manifest.Nearest, which has a cell for
// each pair of letters.
func chargeNearest(ctx context.Context, name string, names map[string]any) error {
	cells := 0
	for candidate := range names {
		cells += (min(len(name), 128) + 3) * (len(candidate) + 4)
	}
	return luasandbox.Charge(ctx, int64(cells), 8*int64(cells)+16*int64(len(names)))
}

// capability is "config": config.get, all, on_change.
func (s *settings) capability() Capability {
	return Capability{Name: "config", Risk: RiskNone,
		Doc: "Read the mod's settings: what its manifest declares under [settings], and the player chooses.",
		Grant: func(g *Grantee) ([]luasandbox.Member, error) {
			if in := g.in; in != nil { // what is checked once is not checked in each call
				in.settings = map[string]any{}
				for _, declared := range in.edition.manifest.Settings {
					in.settings[declared.Name], _ = s.value(g.ID(), declared)
				}
			}
			return []luasandbox.Member{
				luasandbox.Func("get", func(ctx context.Context, name string) (any, error) {
					value, ok := g.in.settings[name]
					if !ok {
						if err := chargeNearest(ctx, name, g.in.settings); err != nil {
							return nil, err
						}
						_, err := declaredSetting(g.in.edition.manifest, name)
						return nil, scriptErrorf("config: %s is not under [settings] of the manifest: %v", shown(name), err)
					}
					return value, nil
				}, luasandbox.Anywhere(), luasandbox.Cost(100),
					luasandbox.Params("name"), luasandbox.Returns("value"),
					luasandbox.Doc("Returns what a setting is set to. A setting that the manifest does not declare is an error.")),
				luasandbox.Func("all", func(ctx context.Context) (map[string]any, error) {
					n := int64(len(g.in.settings))
					if err := luasandbox.Charge(ctx, 50*n, 128*n); err != nil {
						return nil, err
					}
					return maps.Clone(g.in.settings), nil
				}, luasandbox.Anywhere(),
					luasandbox.Returns("values"),
					luasandbox.Doc("Returns a table with what each setting is set to, by its name.")),
				luasandbox.Func("on_change", func(fn *luasandbox.Function) error {
					if len(g.in.onSetting) == settingHandlers {
						fn.Release()
						return scriptErrorf("config.on_change: %d functions are the most that a mod can have called", settingHandlers)
					}
					g.in.onSetting = append(g.in.onSetting, fn)
					return nil
				}, luasandbox.Cost(100),
					luasandbox.Params("fn"),
					luasandbox.Doc("Calls fn(name, value) each time that a setting has changed. Of several changes of one setting that fn has not seen yet, it sees the last.")),
			}, nil
		}}
}
