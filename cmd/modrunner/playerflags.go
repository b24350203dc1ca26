package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/texts"
)

// playerFlags are the flags that stand for what a player chooses in a menu.
type playerFlags struct {
	choices  []choice
	language string // "": the host's default
}

// choice is what a player sets a setting of a mod to.
type choice struct{ mod, name, value string }

// register adds the flags.
func (f *playerFlags) register(cmd *cobra.Command) {
	set := cmd.Flags()
	set.Var(&choiceValue{to: &f.choices}, "set", "set a setting of a mod, as in weather.rain=true; repeat for more")
	set.Var(&languageValue{to: &f.language}, "language", "the player's language, such as pt-BR (default "+mods.DefaultLanguage+")")
	for _, name := range []string{"set", "language"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions) // the flag is there
	}
}

// of returns what is chosen for the mods with those ids.
func (f *playerFlags) of(ids []string) []choice {
	return slices.DeleteFunc(slices.Clone(f.choices), func(c choice) bool { return !slices.Contains(ids, c.mod) })
}

// strangers returns the ids that are chosen for and are none of those, each once.
func (f *playerFlags) strangers(ids []string) []string {
	var unknown []string
	for _, c := range f.choices {
		if !slices.Contains(ids, c.mod) && !slices.Contains(unknown, c.mod) {
			unknown = append(unknown, c.mod)
		}
	}
	return unknown
}

// choiceError is a choice that cannot be made.
type choiceError struct {
	choice choice
	err    error // what would be right
}

// Error names the flag.
func (e *choiceError) Error() string {
	return fmt.Sprintf("--set %s.%s=%s: %v", oneLine(e.choice.mod), oneLine(e.choice.name), oneLine(e.choice.value), e.err)
}

// Unwrap returns what would be right.
func (e *choiceError) Unwrap() error { return e.err }

// in has the host set it. A mod that the host does not have, because it was refused,
// is left alone. The error is a *choiceError, or that of a host that is closed.
func (c choice) in(host *mods.Host) error {
	if host.Mod(c.mod) == nil {
		return nil
	}
	var value any = c.value
	settings := host.Settings(c.mod)
	if i := slices.IndexFunc(settings, func(s mods.Setting) bool { return s.Name == c.name }); i >= 0 {
		var err error
		if value, err = typed(settings[i].Type, c.value); err != nil {
			return &choiceError{c, err}
		}
	}
	err := host.Set(c.mod, c.name, value)
	if e, ok := errors.AsType[*mods.SettingError](err); ok {
		return &choiceError{c, e.Err}
	}
	return err
}

// typed reads a value as a setting of that type has it.
func typed(t manifest.SettingType, text string) (any, error) {
	switch t {
	case manifest.BooleanSetting:
		if text != "true" && text != "false" {
			return nil, errors.New("want true or false")
		}
		return text == "true", nil
	case manifest.IntegerSetting:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, errors.New("want a whole number")
		}
		return n, nil
	case manifest.NumberSetting:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, errors.New("want a number")
		}
		return n, nil
	}
	return text, nil
}

// choiceValue is the value of --set, MOD.NAME=VALUE.
type choiceValue struct{ to *[]choice }

// String returns nothing: there is no default worth showing.
func (v *choiceValue) String() string { return "" }

// Type names the value in the help text.
func (v *choiceValue) Type() string { return "MOD.NAME=VALUE" }

// Set reads one choice. A mod's id may have dots, the name of a setting has none.
func (v *choiceValue) Set(text string) error {
	place, value, found := strings.Cut(text, "=")
	dot := strings.LastIndexByte(place, '.')
	if !found || dot <= 0 || dot == len(place)-1 {
		return errors.New("want MOD.NAME=VALUE, such as weather.rain=true")
	}
	c := choice{mod: place[:dot], name: place[dot+1:], value: value}
	if slices.ContainsFunc(*v.to, func(o choice) bool { return o.mod == c.mod && o.name == c.name }) {
		return fmt.Errorf("%s is set already", place)
	}
	*v.to = append(*v.to, c)
	return nil
}

// languageValue is the value of --language.
type languageValue struct{ to *string }

// String returns the language.
func (v *languageValue) String() string {
	if v.to == nil {
		return ""
	}
	return *v.to
}

// Type names the value in the help text.
func (v *languageValue) Type() string { return "TAG" }

// Set reads a tag.
func (v *languageValue) Set(text string) error {
	tag, err := texts.ParseTag(text)
	if err == nil {
		*v.to = tag
	}
	return err
}
