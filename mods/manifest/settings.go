package manifest

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/luasandbox/modrunner/mods/filter"
	"github.com/luasandbox/modrunner/mods/internal/safetoml"
)

// SettingType is what the value of a setting is.
type SettingType string

// The types of settings, and the Go types of their values.
const (
	BooleanSetting SettingType = "boolean" // bool
	IntegerSetting SettingType = "integer" // int64
	NumberSetting  SettingType = "number"  // float64
	TextSetting    SettingType = "text"    // string, one line
	ChoiceSetting  SettingType = "choice"  // string, one of Choices
)

// Setting is one thing that a mod lets its player choose.
type Setting struct {
	Name        string
	Type        SettingType
	Title       string // what the player sees; the name, if the manifest has no title
	Description string
	Default     any // of the type's Go type, and a value that Check takes
	// Min and Max bound an integer or a number, both included. What the manifest
	// leaves out is ±2^53 for an integer and ±math.MaxFloat64 for a number.
	Min, Max  float64
	MaxLength int      // of a text, in characters
	Choices   []string // of a choice, in the author's order
}

// What a setting can be.
const (
	maxSettingTitle       = 80   // characters
	maxSettingDescription = 300  // characters
	maxSettingText        = 1024 // characters of a text
	defaultSettingText    = 256
	maxChoices            = 32
	maxChoiceText         = 64      // characters
	maxInteger            = 1 << 53 // up to which a Lua number holds all whole numbers
)

var settingPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

const settingForm = "small letters, digits and '_', beginning with a letter"

var settingTypes = []string{"boolean", "integer", "number", "text", "choice"}

// settingKeys are the keys of a setting, and the types that have them; none: all.
var settingKeys = []struct {
	key   string
	types []SettingType
}{
	{"type", nil}, {"default", nil}, {"title", nil}, {"description", nil},
	{"min", []SettingType{IntegerSetting, NumberSetting}},
	{"max", []SettingType{IntegerSetting, NumberSetting}},
	{"max_length", []SettingType{TextSetting}},
	{"choices", []SettingType{ChoiceSetting}},
}

const settingValue = "A table that says what the player can choose.\n\n" +
	"| key | value | meaning |\n|---|---|---|\n" +
	"| `type` | `\"boolean\"`, `\"integer\"`, `\"number\"`, `\"text\"` or `\"choice\"` | What the value is. Required. |\n" +
	"| `default` | a value that the setting allows | What holds until the player chooses. Required. |\n" +
	"| `title` | a string of 1 to 80 characters | What the player sees; if left out, the name. |\n" +
	"| `description` | a string of at most 300 characters | What it does, for the player. |\n" +
	"| `min`, `max` | numbers; of an integer, whole ones within ±2^53 | The bounds of an integer or a number, both included. |\n" +
	"| `max_length` | a whole number from 1 to 1024 | The most characters of a text; if left out, 256. |\n" +
	"| `choices` | an array of 1 to 32 strings of 1 to 64 characters, each once | What there is to choose from. Required for a choice. |\n\n" +
	"A text has one line, without characters that cannot be seen."

func settingSchema() map[string]any {
	text := func(low, high int, doc string) map[string]any {
		out := map[string]any{"type": "string", "maxLength": high}
		if low > 0 {
			out["minLength"] = low
		}
		if doc != "" {
			out["description"] = doc
		}
		return out
	}
	return map[string]any{
		"type":                 "object",
		"required":             []string{"type", "default"},
		"additionalProperties": false,
		"properties": map[string]any{
			"type":        map[string]any{"enum": settingTypes, "description": "What the value is."},
			"default":     map[string]any{"type": []string{"boolean", "number", "string"}, "description": "What holds until the player chooses."},
			"title":       text(1, maxSettingTitle, "What the player sees. If left out: the name."),
			"description": text(0, maxSettingDescription, "What it does, for the player."),
			"min":         map[string]any{"type": "number", "description": "The least that an integer or a number can be."},
			"max":         map[string]any{"type": "number", "description": "The most that an integer or a number can be."},
			"max_length": map[string]any{"type": "integer", "minimum": 1, "maximum": maxSettingText,
				"description": fmt.Sprintf("The most characters of a text. If left out: %d.", defaultSettingText)},
			"choices": map[string]any{"type": "array", "items": text(1, maxChoiceText, ""), "minItems": 1, "maxItems": maxChoices, "uniqueItems": true,
				"description": "What there is to choose from."},
		},
	}
}

// setting reads one row of [settings].
func (r *reader) setting(path []string, name string, value any) {
	table, ok := value.(map[string]any)
	if !ok {
		r.add(WrongType, path, `%s must be a table, not %s: %s = { type = "boolean", default = true }`, safetoml.Dotted(path), typeName(value), name)
		return
	}
	before := len(r.problems) + r.omitted
	s := Setting{Name: name, Title: name}
	s.Type = r.settingType(path, table)
	r.settingKeys(path, table, s.Type)
	for _, f := range []struct {
		into *string
		rule field
	}{
		{&s.Title, field{key: "title", min: 1, max: maxSettingTitle}},
		{&s.Description, field{key: "description", max: maxSettingDescription, multiline: true}},
	} {
		if raw, there := table[f.rule.key]; there {
			if text, ok := r.value(under(path, f.rule.key), raw, f.rule); ok {
				*f.into = text.(string)
			}
		}
	}
	switch s.Type {
	case IntegerSetting, NumberSetting:
		r.settingBounds(path, table, &s)
	case TextSetting:
		s.MaxLength = r.settingLength(path, table)
	case ChoiceSetting:
		s.Choices = r.settingChoices(path, table)
	}
	raw, there := table["default"]
	switch {
	case !there:
		r.add(Missing, under(path, "default"), `%s has no "default"; %s`, safetoml.Dotted(path), s.want())
	case len(r.problems)+r.omitted > before: // what is wrong already would be told twice
	default:
		at := under(path, "default")
		converted, fits := s.convert(raw)
		if !fits {
			r.wrongType(at, raw, s.want())
			return
		}
		fitting, err := s.fit(converted)
		if err != nil {
			r.addValue(at, err.Error())
			return
		}
		s.Default = fitting
	}
	r.man.Settings = append(r.man.Settings, s)
}

func (r *reader) settingType(path []string, table map[string]any) SettingType {
	at := under(path, "type")
	raw, there := table["type"]
	text, isText := raw.(string)
	switch {
	case !there:
		r.add(Missing, at, `%s has no "type"; one of %s`, safetoml.Dotted(path), quoted(settingTypes))
	case !isText:
		r.wrongType(at, raw, "a string")
	case !slices.Contains(settingTypes, text):
		r.addValue(at, "must be one of "+quoted(settingTypes))
	default:
		return SettingType(text)
	}
	return ""
}

// settingKeys refuses keys that there are not, or not for this type.
func (r *reader) settingKeys(path []string, table map[string]any, t SettingType) {
	var names []string
	for _, k := range settingKeys {
		names = append(names, k.key)
	}
	for _, key := range r.keys(path, table) {
		at := under(path, key)
		i := slices.Index(names, key)
		switch {
		case i < 0:
			r.add(UnknownKey, at, "unknown key %q in [%s]", key, safetoml.Dotted(path)).Suggestion = Nearest(key, names)
		case t != "" && settingKeys[i].types != nil && !slices.Contains(settingKeys[i].types, t):
			r.add(UnknownKey, at, "%q has no meaning for a setting of type %q", key, string(t))
		}
	}
}

func (r *reader) settingBounds(path []string, table map[string]any, s *Setting) {
	most, what := math.MaxFloat64, "a finite number"
	if s.Type == IntegerSetting {
		most, what = maxInteger, "a whole number from -2^53 to 2^53"
	}
	s.Min, s.Max = -most, most
	for _, bound := range []struct {
		key  string
		into *float64
	}{{"min", &s.Min}, {"max", &s.Max}} {
		raw, there := table[bound.key]
		if !there {
			continue
		}
		at := under(path, bound.key)
		value, ok := s.convert(raw)
		if !ok {
			r.wrongType(at, raw, what)
			continue
		}
		n, _ := value.(float64)
		whole, isWhole := value.(int64)
		if isWhole {
			n = float64(whole)
		}
		if !(n >= -most && n <= most) || isWhole && max(whole, -whole) > maxInteger {
			r.addValue(at, "must be "+what)
			continue
		}
		*bound.into = n
	}
	if s.Min > s.Max {
		r.addValue(under(path, "max"), fmt.Sprintf("must not be less than min, which is %s", shortNumber(s.Min)))
	}
}

func (r *reader) settingLength(path []string, table map[string]any) int {
	raw, there := table["max_length"]
	if !there {
		return defaultSettingText
	}
	at := under(path, "max_length")
	n, ok := raw.(int64)
	switch {
	case !ok:
		r.wrongType(at, raw, "a whole number")
	case n < 1 || n > maxSettingText:
		r.addValue(at, fmt.Sprintf("must be from 1 to %d", maxSettingText))
	default:
		return int(n)
	}
	return defaultSettingText
}

func (r *reader) settingChoices(path []string, table map[string]any) []string {
	at := under(path, "choices")
	raw, there := table["choices"]
	if !there {
		r.add(Missing, at, `%s has no "choices"; an array of strings, such as ["easy", "hard"]`, safetoml.Dotted(path))
		return nil
	}
	list, ok := r.list(at, raw, field{typ: listField, min: 1, max: maxChoiceText, maxItems: maxChoices})
	if !ok {
		return nil
	}
	choices := list.([]string)
	if len(choices) == 0 {
		r.addValue(at, "must not be empty")
	}
	for i, c := range choices {
		if slices.Contains(choices[:i], c) {
			r.addValue(under(at, strconv.Itoa(i)), fmt.Sprintf("%q is there twice", c))
		}
	}
	return choices
}

// SettingValueError is a value that a setting does not allow.
type SettingValueError struct {
	Want string // what would be right, as "a whole number from 0 to 10"
	Err  error  // what is wrong, if there is more to say; an [*filter.Error] of a text
}

// Error says what would be right.
func (e *SettingValueError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("must be %s: %v", e.Want, e.Err)
	}
	return "must be " + e.Want
}

// Unwrap returns Err.
func (e *SettingValueError) Unwrap() error { return e.Err }

// Check returns a value in the form that the setting has: bool, int64, float64 or
// string. An integer or a number may be an int, int64 or float64. Of a text,
// Unicode's normal form C is returned; it is not cut. The error is a
// [*SettingValueError].
func (s Setting) Check(value any) (any, error) {
	converted, ok := s.convert(value)
	if !ok {
		return nil, &SettingValueError{Want: s.want()}
	}
	return s.fit(converted)
}

// convert gives a value the setting's Go type.
func (s Setting) convert(value any) (any, bool) {
	if n, ok := value.(int); ok {
		value = int64(n)
	}
	switch s.Type {
	case BooleanSetting:
		_, ok := value.(bool)
		return value, ok
	case IntegerSetting:
		if n, ok := value.(float64); ok && n == math.Trunc(n) && math.Abs(n) <= maxInteger {
			value = int64(n)
		}
		_, ok := value.(int64)
		return value, ok
	case NumberSetting:
		if n, ok := value.(int64); ok {
			value = float64(n)
		}
		_, ok := value.(float64)
		return value, ok
	case TextSetting, ChoiceSetting:
		_, ok := value.(string)
		return value, ok
	}
	return nil, false
}

// fit checks a value of the setting's Go type.
func (s Setting) fit(value any) (any, error) {
	ok := true
	switch v := value.(type) {
	case int64: // as a float64, 2^53 + 1 would be 2^53
		ok = v >= -maxInteger && v <= maxInteger && float64(v) >= s.Min && float64(v) <= s.Max
	case float64:
		ok = v >= s.Min && v <= s.Max // false for NaN
	case string:
		if s.Type == ChoiceSetting {
			ok = slices.Contains(s.Choices, v)
			break
		}
		clean, err := s.filter().Clean(v)
		if err != nil {
			return nil, &SettingValueError{Want: s.want(), Err: err}
		}
		return clean, nil
	}
	if !ok {
		return nil, &SettingValueError{Want: s.want()}
	}
	return value, nil
}

// filter is what a text has to pass.
func (s Setting) filter() filter.Filter {
	return filter.Filter{Label: "setting", MaxRunes: s.MaxLength, MaxBytes: 4 * s.MaxLength,
		Long: filter.RefuseLong, Bad: filter.RefuseBad, Markup: filter.Keep, KeepSpaces: true}
}

// want says what a value has to be.
func (s Setting) want() string {
	noun, most := "a number", math.MaxFloat64
	switch s.Type {
	case BooleanSetting:
		return "true or false"
	case TextSetting:
		return fmt.Sprintf("a text of one line and at most %d characters", s.MaxLength)
	case ChoiceSetting:
		return "one of " + quoted(s.Choices)
	case IntegerSetting:
		noun, most = "a whole number", maxInteger
	case NumberSetting:
	default:
		return "a value that its type allows"
	}
	switch low, high := s.Min > -most, s.Max < most; {
	case low && high:
		return fmt.Sprintf("%s from %s to %s", noun, shortNumber(s.Min), shortNumber(s.Max))
	case low:
		return fmt.Sprintf("%s of at least %s", noun, shortNumber(s.Min))
	case high:
		return fmt.Sprintf("%s of at most %s", noun, shortNumber(s.Max))
	}
	return noun
}

func shortNumber(n float64) string {
	if math.Abs(n) <= maxInteger {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return strconv.FormatFloat(n, 'g', -1, 64)
}

func quoted(texts []string) string {
	var b strings.Builder
	for i, t := range texts {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(t))
	}
	return b.String()
}
