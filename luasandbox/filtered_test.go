package luasandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/filter"
)

// cleaner is a filter of a function.
type cleaner func(string) (string, error)

func (cleaner) Name() string                     { return "cleaner" }
func (c cleaner) Clean(s string) (string, error) { return c(s) }

var upper = cleaner(func(s string) (string, error) {
	switch {
	case strings.Contains(s, "panic"):
		panic("secret")
	case strings.Contains(s, "bad"):
		return "", errors.New("text has a bad word")
	}
	return strings.ToUpper(s), nil
})

func TestFiltered(t *testing.T) {
	type text string
	type unit struct{ name string }
	var got []string
	add := func(s string) { got = append(got, s) }
	units := luasandbox.NewHandleType[unit]("Unit", "",
		luasandbox.Func("rename", func(u *unit, name string) { add(name) }, luasandbox.Params("name"), luasandbox.Filtered("name", upper)),
		luasandbox.Property("name", func(u *unit) string { return u.name }, func(u *unit, name string) { u.name = name; add(name) }, luasandbox.Filtered("value", upper)))
	one := &unit{}
	grant := luasandbox.NewGrant("", "", units,
		luasandbox.Func("unit", func() *unit { return one }),
		luasandbox.Func("say", func(s string) { add(s) }, luasandbox.Params("text"), luasandbox.Filtered("text", upper)),
		luasandbox.Func("two", func(a, b string) { add(a + "," + b) }, luasandbox.Params("a", "b"), luasandbox.Filtered("b", upper)),
		luasandbox.Func("named", func(s text) { add(string(s)) }, luasandbox.Filtered("arg1", upper)),
		luasandbox.Func("pointed", func(s *string) {
			if s == nil {
				add("nil")
				return
			}
			add(*s)
		}, luasandbox.Filtered("arg1", upper)),
		luasandbox.Func("optional", func(s string) { add(s) }, luasandbox.Params("s"), luasandbox.Optional("s"), luasandbox.Filtered("s", upper)),
		luasandbox.Func("all", func(s ...string) { add(strings.Join(s, ",")) }, luasandbox.Filtered("arg1", upper)),
		luasandbox.Func("chat", func(s string) { add(s) }, luasandbox.Filtered("arg1", filter.ChatLine)),
	)
	s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{grant}}, "")
	for _, tt := range []struct {
		source string
		want   string // what the function got
		err    string
	}{
		{`say("hello")`, "HELLO", ""},
		{`say("")`, "", ""},
		{`two("a", "b")`, "a,B", ""},
		{`two("bad", "b")`, "bad,B", ""},
		{`named("x")`, "X", ""},
		{`pointed("x")`, "X", ""},
		{`pointed(nil)`, "nil", ""},
		{`optional("x")`, "X", ""},
		{`optional()`, "", ""},
		{`all("x", "y", "z")`, "X,Y,Z", ""},
		{`unit():rename("x")`, "X", ""},
		{`local u = unit() u.name = "x" assert(u.name == "X")`, "X", ""},
		{`chat("<b>hi</b>\nyou")`, "hi you", ""},
		{`say("bad")`, "-", "bad argument #1 to 'say' (text has a bad word)"},
		{`two("a", "bad")`, "-", "bad argument #2 to 'two' (text has a bad word)"},
		{`all("a", "b", "bad")`, "-", "bad argument #3 to 'all' (text has a bad word)"},
		{`unit():rename("bad")`, "-", "bad argument #1 to 'rename' (text has a bad word)"},
		{`unit().name = "bad"`, "-", "cannot set 'name' of Unit (text has a bad word)"},
		{`say(5)`, "-", "bad argument #1 to 'say' (string expected, got 5)"},
		{`say("panic")`, "-", "host error [1]"},
	} {
		got = nil
		_, err := s.Load(context.Background(), compile(t, tt.source))
		want := []string{tt.want}
		if tt.want == "-" {
			want = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n%s", tt.source, diff)
		}
		if text := strings.Replace(strings.TrimPrefix(errorText(err), "test.lua:1: "), "number", "5", 1); text != tt.err {
			t.Errorf("%s: %q, want %q", tt.source, text, tt.err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The work is charged before it is done, in proportion to the text.
func TestFilteredIsCharged(t *testing.T) {
	cleanings := 0
	grant := luasandbox.NewGrant("", "",
		luasandbox.Func("plain", func(s string) {}, luasandbox.Params("s"), luasandbox.Optional("s")), // by reflection, too
		luasandbox.Func("say", func(s string) {}, luasandbox.Filtered("arg1", cleaner(func(s string) (string, error) { cleanings++; return s, nil }))),
		luasandbox.Func("grow", func(s string) {}, luasandbox.Filtered("arg1", cleaner(func(s string) (string, error) { return strings.Repeat(s, 10), nil }))))
	s := newSandbox(t, luasandbox.Config{Limits: limits.Limits{Instructions: 200_000}, Grants: []*luasandbox.Grant{grant}}, ``)
	cost := func(call string) (instructions, bytes int64) {
		t.Helper()
		if _, err := s.Load(context.Background(), compile(t, call)); err != nil {
			t.Fatal(err)
		}
		u := s.LastCall()
		return u.Instructions, u.Allocated
	}
	const text = `local s = ("x"):rep(10000) `
	cost(text) // the first call makes the stack
	plain, plainBytes := cost(text + `plain(s)`)
	said, saidBytes := cost(text + `say(s)`)
	if more := said - plain; more < 10_000*limits.FilterByte || more > 11_000*limits.FilterByte+5000 {
		t.Errorf("%d instructions for 10,000 bytes", more)
	}
	if more := saidBytes - plainBytes; more < 20_000 || more > 21_000 {
		t.Errorf("%d bytes charged for 10,000", more)
	}
	if _, grown := cost(text + `grow(s)`); grown-plainBytes < 100_000 {
		t.Errorf("%d bytes charged for 100,000", grown-plainBytes)
	}
	cleanings = 0
	_, err := s.Load(context.Background(), compile(t, `local s = ("x"):rep(100000) say(s)`))
	asLimit(t, err, limits.Instructions)
	if cleanings != 0 {
		t.Error("the work was done before it was paid for")
	}
}

func TestFilteredSchema(t *testing.T) {
	type unit struct{ _ int }
	units := luasandbox.NewHandleType[unit]("Unit", "",
		luasandbox.Property("name", func(*unit) string { return "" }, func(*unit, string) {}, luasandbox.Filtered("value", upper)))
	data, err := luasandbox.Schema(luasandbox.NewGrant("g", "", units,
		luasandbox.Func("say", func(to, text string) {}, luasandbox.Params("to", "text"), luasandbox.Filtered("text", filter.ChatLine))))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Grants []struct {
			Functions []struct {
				Params []struct{ Name, Filter string }
			}
			Handles []struct {
				Properties []struct{ Name, Filter string }
			}
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	g := doc.Grants[0]
	got := []string{g.Functions[0].Params[0].Filter, g.Functions[0].Params[1].Filter, g.Handles[0].Properties[0].Filter}
	if diff := cmp.Diff([]string{"", filter.ChatLine.Name(), "cleaner"}, got); diff != "" {
		t.Error(diff)
	}
}

type nameless struct{ cleaner }

func (nameless) Name() string { return "" }

func TestFilteredMisuse(t *testing.T) {
	for _, tt := range []struct {
		name   string
		member luasandbox.Member
		want   string
	}{
		{"unknown", luasandbox.Func("f", func(string) {}, luasandbox.Filtered("text", upper)), `Filtered names "text", which is no parameter`},
		{"no string", luasandbox.Func("f", func(float64) {}, luasandbox.Filtered("arg1", upper)), `Filtered names "arg1", which is no string`},
		{"any", luasandbox.Func("f", func(any) {}, luasandbox.Filtered("arg1", upper)), `Filtered names "arg1", which is no string`},
		{"list", luasandbox.Func("f", func([]string) {}, luasandbox.Filtered("arg1", upper)), `Filtered names "arg1", which is no string`},
		{"twice", luasandbox.Func("f", func(string) {}, luasandbox.Filtered("arg1", upper), luasandbox.Filtered("arg1", upper)), `two filters for "arg1"`},
		{"nil", luasandbox.Func("f", func(string) {}, luasandbox.Filtered("arg1", nil)), `the filter of "arg1" is nil`},
		{"no name", luasandbox.Func("f", func(string) {}, luasandbox.Filtered("arg1", nameless{})), `it has no name`},
		{"nil pointer", luasandbox.Func("f", func(string) {}, luasandbox.Filtered("arg1", (*nameless)(nil))), `panic: `},
		{"read-only property", luasandbox.NewHandleType[unit2]("U", "", luasandbox.Property("p", func(*unit2) string { return "" }, nil, luasandbox.Filtered("value", upper))), `Filtered names "value", which is no parameter`},
	} {
		err := luasandbox.NewGrant("g", "", tt.member).Err()
		var declaration *luasandbox.DeclarationError
		if !errors.As(err, &declaration) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

type unit2 struct{ _ int }
