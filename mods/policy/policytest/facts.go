package policytest

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/policy"
)

// facts are a request as a file says it. What is nil is not said.
type facts struct {
	ID          *string  `toml:"id"`
	Version     *string  `toml:"version"`
	Library     *bool    `toml:"library"`
	Signature   *string  `toml:"signature"`
	Publisher   *string  `toml:"publisher"`
	Keys        []string `toml:"keys"`
	Environment *string  `toml:"environment"`
	Interactive *bool    `toml:"interactive"`
	Risk        *int64   `toml:"risk"`
	Freezes     []string `toml:"freezes"`
	Approved    *bool    `toml:"approved"`

	Findings    map[string]string     `toml:"findings"`   // rule -> severity
	Advisories  map[string]string     `toml:"advisories"` // id -> severity
	Limits      map[string]any        `toml:"limits"`
	Update      *update               `toml:"update"`
	Permissions map[string]permission `toml:"permissions"`
}

type update struct {
	More          bool `toml:"more"`
	SignerChanged bool `toml:"signer_changed"`
	RiskRaised    bool `toml:"risk_raised"`
	Downgrade     bool `toml:"downgrade"`
}

type permission struct {
	Risk     string         `toml:"risk"`
	Version  string         `toml:"version"`
	Optional bool           `toml:"optional"`
	Options  map[string]any `toml:"options"`
}

// or returns f with what it does not say taken from other.
func (f facts) or(other facts) facts {
	into, from := reflect.ValueOf(&f).Elem(), reflect.ValueOf(other)
	for i := range into.NumField() {
		if into.Field(i).IsNil() {
			into.Field(i).Set(from.Field(i))
		}
	}
	return f
}

func value[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// digest stands for the bytes of a mod that is only talked of.
const digest = "h1:test"

// request is the request that f describes; where it says nothing: unsigned, no risk,
// nothing found, nobody there, capabilities of high risk. The path of the error is that
// of the key which is wrong.
func (f facts) request() (policy.Request, *policy.Approval, *wrong) {
	r := policy.Request{
		ID: value(f.ID, "test-mod"), Version: value(f.Version, "1.0.0"), Digest: digest, Library: value(f.Library, false),
		Signature: policy.Signature(value(f.Signature, string(policy.Unsigned))), Publisher: value(f.Publisher, ""), Keys: f.Keys,
		Environment: value(f.Environment, ""), Interactive: value(f.Interactive, false), Freezes: f.Freezes,
	}
	risk := value(f.Risk, 0)
	if risk < 0 || risk > 100 {
		return r, nil, wrongf("a risk is 0 to 100", "risk")
	}
	r.Risk = int(risk)
	if r.Publisher != "" && r.Signature != policy.Trusted {
		return r, nil, wrongf("only a trusted signature says who the publisher is", "publisher")
	}
	for _, rule := range slices.Sorted(maps.Keys(f.Findings)) {
		if !slices.Contains([]string{"note", "warning", "error"}, f.Findings[rule]) {
			return r, nil, wrongf("a finding is a note, a warning or an error", "findings", rule)
		}
		r.Findings = append(r.Findings, policy.Finding{Rule: rule, Severity: f.Findings[rule]})
	}
	for _, id := range slices.Sorted(maps.Keys(f.Advisories)) {
		if !slices.Contains([]string{"low", "medium", "high", "critical"}, f.Advisories[id]) {
			return r, nil, wrongf("an advisory is low, medium, high or critical", "advisories", id)
		}
		r.Advisories = append(r.Advisories, policy.Advisory{ID: id, Severity: f.Advisories[id]})
	}
	var w *wrong
	if r.Limits, w = readLimits(f.Limits); w != nil {
		return r, nil, w.below("limits")
	}
	if u := f.Update; u != nil {
		r.Update = &policy.Update{FromVersion: "0.9.0", FromDigest: "h1:before", More: u.More, SignerChanged: u.SignerChanged, RiskRaised: u.RiskRaised, Downgrade: u.Downgrade}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Permissions)) {
		p := f.Permissions[name]
		if p.Risk != "" && !slices.Contains([]string{"none", "low", "medium", "high"}, p.Risk) {
			return r, nil, wrongf("a risk is none, low, medium or high", "permissions", name, "risk")
		}
		for option, v := range p.Options {
			if !plain(v) {
				return r, nil, wrongf("an option is a text, a number, true or false, or a list of texts", "permissions", name, "options", option)
			}
		}
		if p.Risk == "" {
			p.Risk = "high"
		}
		r.Permissions = append(r.Permissions, policy.Permission{Capability: name, Version: p.Version, Risk: p.Risk, Optional: p.Optional, Options: p.Options})
	}
	if !value(f.Approved, false) {
		return r, nil, nil
	}
	approval := &policy.Approval{ID: r.ID, Version: r.Version, Digest: r.Digest, Verdict: policy.Approved, By: "test"}
	for _, p := range r.Permissions {
		approval.Grants = append(approval.Grants, policy.Grant{Capability: p.Capability, Options: p.Options})
	}
	return r, approval, nil
}

// plain reports whether v is what an option in a manifest can be.
func plain(v any) bool {
	switch v := v.(type) {
	case string, int64, bool:
		return true
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { _, text := item.(string); return !text })
	}
	return false
}

// readLimits reads limits as a manifest has them: whole numbers, sizes, durations.
func readLimits(values map[string]any) (limits.Limits, *wrong) {
	var l limits.Limits
	for _, name := range slices.Sorted(maps.Keys(values)) {
		kind, err := limits.ParseKind(name)
		if err != nil {
			return l, wrongf(err.Error(), name)
		}
		n, ok := values[name].(int64)
		if text, isText := values[name].(string); isText {
			if kind == limits.Time {
				d, err := time.ParseDuration(text)
				n, ok = int64(d), err == nil
			} else {
				n, err = limits.ParseSize(text)
				ok = err == nil
			}
		} else if kind == limits.Time {
			ok = false
		}
		if !ok || n <= 0 {
			return l, wrongf(`want a whole number, a size such as "16MiB", or for time a duration such as "50ms"`, name)
		}
		l = l.With(kind, n)
	}
	return l, nil
}

// wrong is a value that cannot be, and the path to it.
type wrong struct {
	path    []string
	message string
}

func wrongf(message string, path ...string) *wrong { return &wrong{path, message} }

// below returns w for who has the same under a key.
func (w *wrong) below(path ...string) *wrong {
	if w == nil {
		return nil
	}
	return &wrong{append(path, w.path...), w.message}
}

// shownLimit is a limit as a manifest has it.
func shownLimit(kind limits.Kind, n int64) string {
	switch kind {
	case limits.Time:
		return time.Duration(n).String()
	case limits.Memory, limits.Output, limits.String, limits.Source:
		return limits.FormatSize(n)
	}
	return strconv.FormatInt(n, 10)
}

func shown(v any) string { return fmt.Sprint(v) }
