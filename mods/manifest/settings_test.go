package manifest_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/filter"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// settings is one setting of each type.
const settings = `
[settings]
snow = {type = "boolean", default = false}
rain = {type = "integer", default = 20, min = 0, max = 100}
wind = {type = "number", default = 1, min = -1.5}
town = {type = "text", default = " Ulm", max_length = 10}
mood = {type = "choice", default = "mild", choices = ["mild", "wild"]}
`

func parseSettings(t *testing.T, text string) []manifest.Setting {
	t.Helper()
	m, err := manifest.Parse("mod.toml", []byte(head+text))
	if err != nil {
		t.Fatal(err)
	}
	return m.Settings
}

func TestSettings(t *testing.T) {
	want := []manifest.Setting{
		{Name: "snow", Type: manifest.BooleanSetting, Title: "snow", Default: false},
		{Name: "rain", Type: manifest.IntegerSetting, Title: "rain", Default: int64(20), Max: 100},
		{Name: "wind", Type: manifest.NumberSetting, Title: "wind", Default: 1.0, Min: -1.5, Max: math.MaxFloat64},
		{Name: "town", Type: manifest.TextSetting, Title: "town", Default: " Ulm", MaxLength: 10},
		{Name: "mood", Type: manifest.ChoiceSetting, Title: "mood", Default: "mild", Choices: []string{"mild", "wild"}},
	}
	if diff := cmp.Diff(want, parseSettings(t, settings)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestBadSettings: what is wrong, where, and what would be right.
func TestBadSettings(t *testing.T) {
	tests := []struct {
		row, at string // the text at which the problem stands
		kind    manifest.Kind
		message string // part of it
	}{
		{`a = true`, "a", manifest.WrongType, `must be a table, not a boolean: a = { type = "boolean", default = true }`},
		{`a = {default = 1}`, "a", manifest.Missing, `no "type"`},
		{`a = {type = "boolean"}`, "a", manifest.Missing, `no "default"; true or false`},
		{`a = {type = 1, default = 1}`, "type", manifest.WrongType, "must be a string"},
		{`a = {type = "int", default = 1}`, `"int"`, manifest.BadValue, `must be one of "boolean", "integer"`},
		{`a = {type = "boolean", default = 1}`, "default", manifest.WrongType, "must be true or false, not a whole number"},
		{`a = {type = "boolean", defualt = true, default = true}`, "defualt", manifest.UnknownKey, "unknown key"},
		{`a = {type = "boolean", default = true, min = 1}`, "min", manifest.UnknownKey, `no meaning for a setting of type "boolean"`},
		{`a = {type = "text", default = "", choices = ["x"]}`, "choices", manifest.UnknownKey, "no meaning"},
		{`a = {type = "choice", default = "x", choices = ["x"], max_length = 3}`, "max_length", manifest.UnknownKey, "no meaning"},
		{`a = {type = "integer", default = 1.5}`, "default", manifest.WrongType, "a whole number"},
		{`a = {type = "integer", default = 9007199254740993}`, "9007199254740993", manifest.BadValue, "a whole number"},
		{`a = {type = "integer", default = 5, max = 4}`, "5", manifest.BadValue, "a whole number of at most 4"},
		{`a = {type = "integer", default = 5, min = 6}`, "5,", manifest.BadValue, "a whole number of at least 6"},
		{`a = {type = "integer", default = 5, min = 0.5}`, "min", manifest.WrongType, "a whole number"},
		{`a = {type = "integer", default = 5, min = -9007199254740993}`, "-9007199254740993", manifest.BadValue, "-2^53"},
		{`a = {type = "integer", default = 5, min = 7, max = 6}`, "6", manifest.BadValue, "must not be less than min, which is 7"},
		{`a = {type = "number", default = nan}`, "nan", manifest.BadValue, "must be a number"},
		{`a = {type = "number", default = inf}`, "inf", manifest.BadValue, "must be a number"},
		{`a = {type = "number", default = 1, max = inf}`, "inf", manifest.BadValue, "finite"},
		{`a = {type = "number", default = 1, min = nan}`, "nan", manifest.BadValue, "finite"},
		{`a = {type = "number", default = "1"}`, "default", manifest.WrongType, "a number"},
		{`a = {type = "text", default = 1}`, "default", manifest.WrongType, "a text of one line and at most 256 characters"},
		{`a = {type = "text", default = "abc", max_length = 2}`, `"abc"`, manifest.BadValue, "at most 2 characters"},
		{`a = {type = "text", default = "a\nb"}`, `"a\nb"`, manifest.BadValue, "U+000A"},
		{`a = {type = "text", default = "a\u202eb"}`, `"a\u202eb"`, manifest.BadValue, "U+202E"},
		{`a = {type = "text", default = "", max_length = 1.5}`, "max_length", manifest.WrongType, "a whole number"},
		{`a = {type = "text", default = "", max_length = 2000}`, "2000", manifest.BadValue, "from 1 to 1024"},
		{`a = {type = "choice", default = "x"}`, "a", manifest.Missing, `no "choices"`},
		{`a = {type = "choice", default = "x", choices = "x"}`, "choices", manifest.WrongType, "an array"},
		{`a = {type = "choice", default = "x", choices = []}`, "[]", manifest.BadValue, "empty"},
		{`a = {type = "choice", default = "x", choices = ["x", 1]}`, "1", manifest.WrongType, "a string"},
		{`a = {type = "choice", default = "x", choices = ["x", "y", "x"]}`, `"x"]`, manifest.BadValue, `"x" is there twice`},
		{`a = {type = "choice", default = "z", choices = ["x", "y"]}`, `"z"`, manifest.BadValue, `one of "x", "y"`},
		{`a = {type = "boolean", default = true, title = ""}`, `""`, manifest.BadValue, "empty"},
		{`a = {type = "boolean", default = true, title = "a\nb"}`, `"a\nb"`, manifest.BadValue, "U+000A"},
		{`A = {type = "boolean", default = true}`, "A", manifest.BadValue, "is not a setting: at most 64 characters, small letters"},
		{`a.b = {type = "boolean", default = true}`, "a.b", manifest.Missing, `no "type"`},
		{`"a.b" = {type = "boolean", default = true}`, `"a.b"`, manifest.BadValue, "is not a setting"},
	}
	for _, test := range tests {
		text := head + "[settings]\n" + test.row
		m, err := manifest.Parse("mod.toml", []byte(text))
		if err == nil {
			t.Errorf("%s: accepted as %+v", test.row, m.Settings)
			continue
		}
		p := problemsOf(t, []byte(text), err)[0]
		column := 1 + strings.Index(test.row, test.at)
		if p.Kind != test.kind || !strings.Contains(p.Message, test.message) || p.Column != column {
			t.Errorf("%s:\n%q in column %d, %s\nwant %q in column %d, %s", test.row, p.Kind, p.Column, p.Message, test.kind, column, test.message)
		}
	}
}

func TestTooManySettings(t *testing.T) {
	rows := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "s%d = {type = 'boolean', default = true}\n", i)
		}
		return head + "[settings]\n" + b.String()
	}
	if _, err := manifest.Parse("mod.toml", []byte(rows(64))); err != nil {
		t.Error(err)
	}
	_, err := manifest.Parse("mod.toml", []byte(rows(65)))
	if p := problemsOf(t, []byte(rows(65)), err)[0]; p.Kind != manifest.TooComplex {
		t.Errorf("%+v", p)
	}
}

func TestSettingCheck(t *testing.T) {
	byName := map[string]manifest.Setting{}
	for _, s := range parseSettings(t, settings+"any = {type = 'integer', default = 0}") {
		byName[s.Name] = s
	}
	long := strings.Repeat("x", 10)
	for _, test := range []struct {
		name     string
		in, want any // nil: refused
	}{
		{"snow", true, true}, {"snow", false, false}, {"snow", 1, nil}, {"snow", nil, nil}, {"snow", "true", nil},
		{"rain", 0, int64(0)}, {"rain", int64(100), int64(100)}, {"rain", 7.0, int64(7)}, {"rain", math.Copysign(0, -1), int64(0)},
		{"rain", -1, nil}, {"rain", 101, nil}, {"rain", 7.5, nil}, {"rain", math.NaN(), nil}, {"rain", math.Inf(1), nil}, {"rain", 1e300, nil}, {"rain", "7", nil}, {"rain", uint(7), nil},
		{"any", 1 << 53, int64(1 << 53)}, {"any", 1<<53 + 1, nil}, {"any", -(1 << 53), int64(-(1 << 53))}, {"any", int64(math.MinInt64), nil}, {"any", int64(math.MaxInt64), nil},
		{"wind", 1, 1.0}, {"wind", -1.5, -1.5}, {"wind", math.MaxFloat64, math.MaxFloat64},
		{"wind", -1.6, nil}, {"wind", math.NaN(), nil}, {"wind", math.Inf(1), nil}, {"wind", true, nil},
		{"town", "", ""}, {"town", long, long}, {"town", " a  b ", " a  b "}, {"town", "<b>&[x]", "<b>&[x]"}, {"town", "e\u0301", "\u00e9"},
		{"town", long + "x", nil}, {"town", "a\x00", nil}, {"town", "a\nb", nil}, {"town", "\xff", nil}, {"town", "\u200b", nil}, {"town", strings.Repeat("x", 1<<20), nil}, {"town", 1, nil},
		{"mood", "wild", "wild"}, {"mood", "Wild", nil}, {"mood", "", nil}, {"mood", 0, nil},
	} {
		got, err := byName[test.name].Check(test.in)
		if got != test.want || (err == nil) != (test.want != nil) {
			t.Errorf("%s = %.20v: %v, %v; want %v", test.name, test.in, got, err, test.want)
		}
		var bad *manifest.SettingValueError
		if err != nil && (!errors.As(err, &bad) || bad.Want == "") {
			t.Errorf("%s = %.20v: %T %v", test.name, test.in, err, err)
		}
	}
	_, err := byName["town"].Check("\xff")
	if f, ok := errors.AsType[*filter.Error](err); !ok || f.Reason != filter.NotUTF8 {
		t.Errorf("%v", err)
	}
	if _, err := (manifest.Setting{}).Check(true); err == nil {
		t.Error("a setting without a type takes a value")
	}
}
