package mods

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// Risk says how much harm a capability can do, for those who decide.
type Risk string

// The levels of risk.
const (
	RiskNone   Risk = "none"   // reaches nothing outside the mod: json
	RiskLow    Risk = "low"    // reaches other mods, or the mod's own data: events, storage
	RiskMedium Risk = "medium" // reaches players or the game: chat, world
	RiskHigh   Risk = "high"   // reaches the outside: http
)

// Capability is one thing that a host can let mods do, declared once: what it is
// called, what it costs, how risky it is, what a manifest may say about it, and
// the typed Go functions that do it. A mod that asks for it under [permissions],
// and may have it, finds its functions in a table of that name; to every other mod
// it does not exist. The built-in capabilities and an engine's own are made in the
// same way; an engine lists its own in [Config].Capabilities.
//
// All of its Go functions are called on the goroutine that called [Host.Tick], but
// for those declared [luasandbox.Anywhere].
type Capability struct {
	// Name is what manifests and policies call it, and, up to the first '.', the
	// table in which scripts find it: small letters, digits and '_', in parts
	// joined by '.'.
	Name string
	// Version is a semantic version; "" is 1.0.0. A host may offer several versions
	// of one name side by side. A mod gets the highest in the range that it states
	// with version = "^1.2" in its request, or the highest of all.
	Version string
	// Doc says in a sentence what it lets a mod do, for those who decide.
	Doc string
	// Risk is what Doc means for those who decide; "" is [RiskHigh].
	Risk Risk
	// Options are what a request may say beside reason and version. An option that
	// is not among them is an error in the manifest.
	Options []Option
	// Deprecated, if not "", says what to use instead. A mod that gets this version
	// is warned of once, with the line of its request.
	Deprecated string
	// Flag, if not "", hides the capability from all mods but those for which the
	// operator has turned the flag on in [Config].Flags.
	Flag string
	// Sensitive makes the host write each call into the audit log.
	Sensitive bool
	// IO bounds what one mod can do with it; see [Grantee.Spend].
	IO IOLimits
	// Members are its functions, values and types of handles, the same for all
	// mods: or else
	Members []luasandbox.Member
	// Grant makes them for one mod. It is called on the goroutine of Tick before
	// any of the mod's code runs, once for each time that the mod is loaded; and
	// once by [Open] for a mod without an id, to describe the capability, so it
	// must have no effect by itself. An error keeps the mod from running.
	Grant func(g *Grantee) ([]luasandbox.Member, error)

	version   *semver.Version
	described *luasandbox.Grant          // what nobody gets
	prelude   func() *luasandbox.Program // Lua that runs before the mod does
}

// table returns the name of the table in which scripts find it.
func (c *Capability) table() string {
	table, _, _ := strings.Cut(c.Name, ".")
	return table
}

// members returns what g gets.
func (c *Capability) members(g *Grantee) ([]luasandbox.Member, error) {
	if c.Grant == nil {
		return c.Members, nil
	}
	return c.Grant(g)
}

// OptionType is what an option's value has to be.
type OptionType string

// The types of options, and what [Options] holds for them.
const (
	TextOption   OptionType = "text"   // a string
	TextsOption  OptionType = "texts"  // an array of strings, each once
	CountOption  OptionType = "count"  // a whole number from 0
	NumberOption OptionType = "number" // a finite number
	SizeOption   OptionType = "size"   // bytes: a whole number from 1, or a string as "64KiB"
	FlagOption   OptionType = "flag"   // true or false
)

// Option declares one thing that a request for a capability may say.
type Option struct {
	Name     string     `json:"name"` // small letters, digits and '_'
	Type     OptionType `json:"type"`
	Doc      string     `json:"doc"`
	Required bool       `json:"required,omitempty"`
	// Default is what [Options] holds where the request does not have the option:
	// string, []string, int64, float64 or bool. Nil: nothing.
	Default any `json:"default,omitempty"`
	// Min and Max bound a count, size or number, where they are not both 0.
	Min float64 `json:"min,omitempty"`
	Max float64 `json:"max,omitempty"`
	// Choices, if there are any, are the strings that a text, or each of the texts,
	// may be.
	Choices []string `json:"choices,omitempty"`
	// Check, if not nil, is called with a value of the right type: string,
	// []string, int64 (counts and sizes), float64 or bool. Its error says
	// what would be right, and is shown at the option's place in the
	// manifest. It may be called from any goroutine.
	Check func(value any) error `json:"-"`
}

// Options are the checked options of one request.
type Options struct{ values map[string]any }

// Has reports whether the request has the option, or it has a default.
func (o Options) Has(name string) bool { _, ok := o.values[name]; return ok }

// Text returns a [TextOption], "" if there is none.
func (o Options) Text(name string) string { v, _ := o.values[name].(string); return v }

// Texts returns a [TextsOption], nil if there is none.
func (o Options) Texts(name string) []string {
	v, _ := o.values[name].([]string)
	return slices.Clone(v)
}

// Int returns a [CountOption] or [SizeOption], 0 if there is none.
func (o Options) Int(name string) int64 { v, _ := o.values[name].(int64); return v }

// Number returns a [NumberOption], 0 if there is none.
func (o Options) Number(name string) float64 { v, _ := o.values[name].(float64); return v }

// Flag returns a [FlagOption], false if there is none.
func (o Options) Flag(name string) bool { v, _ := o.values[name].(bool); return v }

var (
	capabilityName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)
	optionName     = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// choice is one capability that a mod may have, with what its request says.
type choice struct {
	capability *Capability
	options    Options
	permission manifest.Permission
}

// catalogue is what a host offers: the versions of each name, the highest first.
type catalogue map[string][]*Capability

// newCatalogue checks the declarations.
func newCatalogue(all []Capability) (catalogue, error) {
	fail := func(format string, args ...any) (catalogue, error) {
		return nil, &ConfigError{Field: "Capabilities", Err: fmt.Errorf(format, args...)}
	}
	cat := catalogue{}
	for i := range all {
		c := all[i] // a copy: the caller's slice is not ours
		if !capabilityName.MatchString(c.Name) || len(c.Name) > 64 {
			return fail("%q cannot be a capability's name: small letters, digits and '_', in parts joined by '.', at most 64 characters", c.Name)
		}
		if c.Version == "" {
			c.Version = "1.0.0"
		}
		if c.Risk == "" {
			c.Risk = RiskHigh
		}
		var err error
		if c.version, err = semver.StrictNewVersion(c.Version); err != nil {
			return fail("%s: the version %q is not a semantic version such as \"1.0.0\": %w", c.Name, c.Version, err)
		}
		if !slices.Contains([]Risk{RiskNone, RiskLow, RiskMedium, RiskHigh}, c.Risk) {
			return fail("%s: the risk %q; want none, low, medium or high", c.Name, c.Risk)
		}
		if (c.Grant == nil) == (c.Members == nil) {
			return fail("%s: want either Members or Grant", c.Name)
		}
		if err := checkOptions(c.Options); err != nil {
			return fail("%s: %w", c.Name, err)
		}
		if c.IO, err = c.IO.resolve(); err != nil {
			return fail("%s: IO: %w", c.Name, err)
		}
		for _, other := range cat[c.Name] {
			if other.version.Equal(c.version) {
				return fail("there are two capabilities %q of version %s", c.Name, c.Version)
			}
		}
		grant, err := describe(&c)
		if err == nil {
			err = grant.Err()
		}
		if err != nil {
			return fail("%s: %w", c.Name, err)
		}
		c.described = grant
		cat[c.Name] = append(cat[c.Name], &c)
	}
	for _, versions := range cat {
		slices.SortFunc(versions, func(a, b *Capability) int { return b.version.Compare(a.version) })
	}
	return cat, nil
}

// describe returns the grant of nobody.
func describe(c *Capability) (g *luasandbox.Grant, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it is called for a mod without an id, to describe the capability, and Grant panics: %v", p)
		}
	}()
	members, err := c.members(&Grantee{capability: c, options: defaults(c.Options)})
	if err != nil {
		return nil, err
	}
	return luasandbox.NewGrant(c.table(), c.Doc, members...), nil
}

func checkOptions(declared []Option) error {
	names := map[string]bool{"reason": true, "version": true, "optional": true}
	for _, o := range declared {
		switch {
		case !optionName.MatchString(o.Name):
			return fmt.Errorf("%q cannot be an option's name: small letters, digits and '_'", o.Name)
		case names[o.Name]:
			return fmt.Errorf("there are two options %q, or it is one that every request has", o.Name)
		}
		names[o.Name] = true
		if o.Default != nil {
			if err := o.fits(o.Default); err != nil {
				return fmt.Errorf("the default of the option %q: %w", o.Name, err)
			}
		}
	}
	return nil
}

func defaults(declared []Option) Options {
	opts := Options{values: map[string]any{}}
	for _, o := range declared {
		if o.Default != nil {
			opts.values[o.Name] = o.Default
		}
	}
	return opts
}

// choose finds what a mod with this manifest gets for a request. flags are those
// that are on for it.
func (cat catalogue) choose(man *manifest.Manifest, p manifest.Permission, flags []string) (*Capability, error) {
	versions := cat[p.Name]
	offered := slices.DeleteFunc(slices.Clone(versions), func(c *Capability) bool {
		return c.Flag != "" && !slices.Contains(flags, c.Flag)
	})
	if len(offered) == 0 {
		e := &PermissionError{Mod: man.ID, Capability: p.Name, Unknown: true}
		message := fmt.Sprintf("this host has no capability %q", p.Name)
		if len(versions) > 0 {
			message = fmt.Sprintf("the capability %q is behind the feature flag %q, which is not on for this mod", p.Name, versions[0].Flag)
		}
		e.Err = man.Problem(message, "permissions", p.Name)
		if len(versions) == 0 {
			e.Err.Suggestion = manifest.Nearest(p.Name, sortedNames(cat))
		}
		return nil, e
	}
	raw, stated := p.Options["version"]
	if !stated {
		return offered[0], nil
	}
	text, _ := raw.(string)
	want, err := semver.NewConstraint(text)
	if err != nil || text == "" {
		problem := man.Problem(fmt.Sprintf(`permissions.%s.version: must be a range of versions such as "^1.2"`, p.Name), "permissions", p.Name, "version")
		problem.Kind = manifest.BadValue
		return nil, problem
	}
	var have []string
	for _, c := range offered {
		if want.Check(c.version) {
			return c, nil
		}
		have = append(have, c.Version)
	}
	return nil, &APIError{Mod: man.ID, Capability: p.Name, Want: text, Have: strings.Join(have, ", "),
		Err: man.Problem(fmt.Sprintf("it was written for version %s of the capability %q; this host has %s", text, p.Name, strings.Join(have, ", ")), "permissions", p.Name, "version")}
}

// readOptions checks a request against the options that there are.
func readOptions(man *manifest.Manifest, p manifest.Permission, declared []Option) (Options, []*manifest.Problem) {
	var problems []*manifest.Problem
	add := func(kind manifest.Kind, message string, path ...string) *manifest.Problem {
		problem := man.Problem(message, append([]string{"permissions", p.Name}, path...)...)
		problem.Kind = kind
		problems = append(problems, problem)
		return problem
	}
	names := []string{"version"}
	for _, o := range declared {
		names = append(names, o.Name)
	}
	for _, name := range p.OptionNames() {
		if slices.Contains(names, name) {
			continue
		}
		message := fmt.Sprintf("unknown option %q of the capability %q", name, p.Name)
		if len(declared) == 0 {
			message += ", which has none"
		}
		add(manifest.UnknownKey, message, name).Suggestion = manifest.Nearest(name, append(names, "reason"))
	}
	opts := defaults(declared)
	for _, o := range declared {
		raw, there := p.Options[o.Name]
		if !there {
			if o.Required {
				add(manifest.Missing, fmt.Sprintf("the capability %q needs the option %q: %s", p.Name, o.Name, o.Doc))
			}
			continue
		}
		value, err := o.read(raw)
		var bad *badItem
		switch {
		case errors.As(err, &bad):
			add(manifest.BadValue, fmt.Sprintf("permissions.%s.%s: %v", p.Name, o.Name, err), o.Name, bad.at)
		case err != nil:
			add(manifest.BadValue, fmt.Sprintf("permissions.%s.%s: %v", p.Name, o.Name, err), o.Name)
		default:
			opts.values[o.Name] = value
		}
	}
	return opts, problems
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// maxInteger is the largest whole number up to which a Lua number holds all.
const maxInteger = 1 << 53
