package mods

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// Capability is one thing that a host can let mods do. A mod that asks for it
// under [permissions], and may have it, finds the functions of its grant; to
// every other mod it does not exist. The built-in capabilities and an engine's
// own are made the same way; an engine lists its own in
// HostConfig.Capabilities.
//
// A capability belongs to one host: its methods are called on the host's
// goroutine.
type Capability interface {
	// Name is what manifests and policies call it: small letters, digits and
	// '_', in parts joined by '.'.
	Name() string
	// Doc says in a sentence what it lets a mod do, for those who decide.
	Doc() string
	// Options are what a request may say beside its reason. An option that is
	// not among them is an error in the manifest.
	Options() []Option
	// Grant returns what one mod gets. It is called once for each mod that may
	// have the capability, before any of the mod's code runs. An error keeps
	// the mod from running.
	Grant(m *Mod, o Options) (*luasandbox.Grant, error)
}

// Ticker is a [Capability] with something to do in every tick, such as calling
// functions that mods gave it: with [Mod.Call] and the context it is passed.
// An error ends the tick; to return any but those of Mod.Call is seldom right.
type Ticker interface {
	Capability
	// BeforeHooks is called before the mods' tick hooks. Tick 0 is the start:
	// it has no BeforeHooks.
	BeforeHooks(ctx context.Context, tick int64) error
	// AfterHooks is called after the mods' tick hooks; in tick 0, after the
	// start hooks.
	AfterHooks(ctx context.Context, tick int64) error
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
	Name     string // small letters, digits and '_'
	Type     OptionType
	Doc      string
	Required bool
	// Check, if not nil, is called with a value of the right type: string,
	// []string, int64 (counts and sizes), float64 or bool. Its error says what
	// would be right, and is shown at the option's place in the manifest.
	Check func(value any) error
}

// Options are the checked options of one request.
type Options struct{ values map[string]any }

// Has reports whether the request has the option.
func (o Options) Has(name string) bool { _, ok := o.values[name]; return ok }

// Text returns a [TextOption], "" if the request does not have it.
func (o Options) Text(name string) string { v, _ := o.values[name].(string); return v }

// Texts returns a [TextsOption], nil if the request does not have it.
func (o Options) Texts(name string) []string {
	v, _ := o.values[name].([]string)
	return slices.Clone(v)
}

// Int returns a [CountOption] or [SizeOption], or otherwise.
func (o Options) Int(name string, otherwise int64) int64 {
	if v, ok := o.values[name].(int64); ok {
		return v
	}
	return otherwise
}

// Number returns a [NumberOption], or otherwise.
func (o Options) Number(name string, otherwise float64) float64 {
	if v, ok := o.values[name].(float64); ok {
		return v
	}
	return otherwise
}

// Flag returns a [FlagOption], false if the request does not have it.
func (o Options) Flag(name string) bool { v, _ := o.values[name].(bool); return v }

var capabilityName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)

// readOptions checks a request against the options that there are.
func readOptions(man *manifest.Manifest, p manifest.Permission, declared []Option) (Options, []*manifest.Problem) {
	var problems []*manifest.Problem
	add := func(kind manifest.Kind, message string, path ...string) *manifest.Problem {
		problem := man.Problem(message, append([]string{"permissions", p.Name}, path...)...)
		problem.Kind = kind
		problems = append(problems, problem)
		return problem
	}
	var names []string
	for _, o := range declared {
		names = append(names, o.Name)
	}
	for _, name := range p.OptionNames() {
		if slices.Contains(names, name) {
			continue
		}
		message := fmt.Sprintf("unknown option %q of the capability %q", name, p.Name)
		if len(names) == 0 {
			message += ", which has none"
		}
		add(manifest.UnknownKey, message, name).Suggestion = manifest.Nearest(name, append(names, "reason"))
	}
	opts := Options{values: map[string]any{}}
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
			add(manifest.BadValue, fmt.Sprintf("permissions.%s.%s: %v", p.Name, o.Name, err), o.Name, strconv.Itoa(bad.index))
		case err != nil:
			add(manifest.BadValue, fmt.Sprintf("permissions.%s.%s: %v", p.Name, o.Name, err), o.Name)
		default:
			opts.values[o.Name] = value
		}
	}
	return opts, problems
}

// badItem is an error in one element of an array.
type badItem struct {
	index int
	err   error
}

func (e *badItem) Error() string { return e.err.Error() }

// read returns a manifest's value in the form that the option has.
func (o Option) read(raw any) (value any, err error) {
	switch o.Type {
	case TextOption:
		text, ok := raw.(string)
		if !ok {
			return nil, fmt.Errorf("must be a string")
		}
		value = text
	case TextsOption:
		items, ok := raw.([]any)
		if !ok {
			return nil, fmt.Errorf("must be an array of strings")
		}
		texts := []string{}
		for i, item := range items {
			text, ok := item.(string)
			switch {
			case !ok:
				return nil, &badItem{i, fmt.Errorf("must be a string")}
			case slices.Contains(texts, text):
				return nil, &badItem{i, fmt.Errorf("%q is there twice", text)}
			}
			texts = append(texts, text)
		}
		value = texts
	case CountOption:
		n, ok := raw.(int64)
		if !ok || n < 0 {
			return nil, fmt.Errorf("must be a whole number from 0")
		}
		value = n
	case NumberOption:
		switch n := raw.(type) {
		case int64:
			value = float64(n)
		case float64:
			value = n
		default:
			return nil, fmt.Errorf("must be a number")
		}
	case SizeOption:
		n, ok := raw.(int64)
		if text, isText := raw.(string); isText {
			n, err = limits.ParseSize(text)
			ok = err == nil
		}
		if !ok || n < 1 || n == math.MaxInt64 {
			return nil, fmt.Errorf(`must be a number of bytes, or a size such as "64KiB"`)
		}
		value = n
	case FlagOption:
		flag, ok := raw.(bool)
		if !ok {
			return nil, fmt.Errorf("must be true or false")
		}
		value = flag
	default:
		return nil, fmt.Errorf("the host declares it with the unknown type %q", o.Type)
	}
	if o.Check != nil {
		if err := o.Check(value); err != nil {
			return nil, err
		}
	}
	return value, nil
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
