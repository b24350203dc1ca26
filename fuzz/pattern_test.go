package fuzz

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/fuzz/reference"
)

// packing is Lua for results as a list of texts: whether it went well, and each
// value with its type.
const packing = `
local function pack(ok, ...)
  local out = {tostring(ok)}
  for i = 1, select('#', ...) do
    local v = select(i, ...)
    out[i + 1] = type(v) .. ':' .. (ok and tostring(v) or tostring(v):gsub('^fuzz.lua:%d+: ', ''))
  end
  return out
end
`

// packed is what pack makes of results, or of an error.
func packed(results []any, err error) []any {
	out := []any{fmt.Sprint(err == nil)}
	if err != nil {
		return append(out, "string:"+err.Error())
	}
	for _, r := range results {
		switch r := r.(type) {
		case nil:
			out = append(out, "nil:nil")
		case float64:
			out = append(out, "number:"+reference.Number(r))
		case string:
			out = append(out, "string:"+r)
		}
	}
	return out
}

// agree runs a program whose one result is a list of what pack made, and compares
// it with what the reference says; a nil there is not compared.
func agree(t *testing.T, source string, fuel uint8, want []any, args ...any) {
	t.Helper()
	c := usual
	c.fuels = []int64{max(int64(fuel), 1)}
	c.limits.Instructions *= 2
	o := examine(t, packing+source, c, args)
	if o.limit != 0 {
		return
	}
	if o.Err != "" {
		t.Fatalf("%s\n%s", o.Err, source)
	}
	var shown []string
	for _, w := range want {
		if w == nil {
			w = []any{"skipped"}
		}
		shown = append(shown, release(w))
	}
	got := strings.TrimSuffix(strings.TrimPrefix(o.Results, "[["), "] ] ")
	for i, w := range shown {
		var found string
		if rest, ok := strings.CutPrefix(got, w); ok {
			got = rest
			continue
		} else if found, _, _ = strings.Cut(got, "] "); want[i] == nil {
			_, got, _ = strings.Cut(got, "] ")
			continue
		}
		t.Fatalf("result %d of %#v is\n%s\nthe reference has\n%s", i+1, args, found, w)
	}
}

const patternProgram = `
local s, p, r, init, most = ...
local calls, answers = {'calls'}, {r, 7, false}
local function answer(...)
  calls[#calls + 1] = table.concat(pack(true, ...), ' ')
  return answers[#calls % 4 + 1]
end
local iterated = {'gmatch'}
local function iterate()
  local next = string.gmatch(s, p)
  for i = 1, 30 do
    local got = pack(true, next())
    if #got == 1 then break end
    iterated[#iterated + 1] = table.concat(got, ' ')
  end
end
return {
  pack(pcall(string.find, s, p, init)),
  pack(pcall(string.find, s, p, init, true)),
  pack(pcall(string.match, s, p, init)),
  pack(pcall(string.gsub, s, p, r, most)),
  pack(pcall(string.gsub, s, p, answer, most)),
  calls,
  pack(pcall(string.gsub, s, p, {a = r, [''] = 'nothing', [1] = 1, b = false}, most)),
  pack(pcall(iterate)),
  iterated,
}
`

// FuzzPattern holds find, match, gmatch and gsub, with each kind of replacement,
// against the reference.
func FuzzPattern(f *testing.F) {
	for i, c := range []struct{ s, p, r string }{
		{"", "", ""}, {"hello world", "o w", "%0"}, {"hello", "(h)(e)(l+)", "%3%2%1"}, {"key = value", "^(%w+)%s*=%s*(%w+)$", "%2=%1"}, {"THE (quick) fox", "%((%a+)%)", "<%1>"},
		{"x = f(a(b)c)d", "%b()", "%%"}, {"THE (quick) fox", "%f[%a]%a+%f[%A]", "w"}, {"aaa", "a-", "x"}, {"abab", "(a)(b)%1%2", "%9"}, {`"it's"`, `(["'])(.-)%1`, "[%2]"},
		{"abc", "()b()", "%1 %2"}, {"[]]", "[]]+", "%"}, {"x-%]y", "[x-%%]", "z"}, {"abc", "[a", ""}, {"abc", "%", ""}, {"abc", "(", "x"}, {"abc", "(a", "%1"}, {"abc", "%1", ""}, {"a\x00b", "%z", "\x00"},
		{"one;two;;four", "([^;]*)", "<%1>"}, {"aaaa", "a?a?a?a?aaaa", ""}, {"abc", "^a", "x"}, {"aXb", "%u", "%z"}, {"x^y$z", "[%^$]", "%$"}, {"aaab", ".-b", "%0%0"}, {"\xff\x80", "[\x80-\xff]", "h"}, {"ab", "[b-a]", ""},
	} {
		f.Add(c.s, c.p, c.r, int8(i-5), uint8(i), uint8(i))
	}
	f.Fuzz(func(t *testing.T, s, p, r string, init int8, most, fuel uint8) {
		if len(s) > 200 || len(p) > 40 || len(r) > 40 {
			return
		}
		answers := []any{r, 7.0, false, nil}
		var calls, iterated []any
		count := func(m *reference.Match) (string, error) {
			captures, err := reference.Captures(s, m)
			if err != nil {
				return "", err
			}
			calls = append(calls, joined(captures))
			switch a := answers[(len(calls)+1)%4].(type) {
			case string:
				return a, nil
			case float64:
				return reference.Number(a), nil
			}
			return s[m.Start:m.End], nil
		}
		lookUp := func(m *reference.Match) (string, error) {
			captures, err := firstCapture(s, m)
			if err != nil {
				return "", err
			}
			switch captures {
			case "a":
				return r, nil
			case "":
				return "nothing", nil
			case 1.0:
				return "1", nil
			}
			return s[m.Start:m.End], nil
		}
		var want []any
		add := func(results []any, err error) {
			if errors.Is(err, reference.ErrTired) {
				want = append(want, nil)
				return
			}
			if results == nil && err == nil {
				results = []any{nil}
			}
			want = append(want, packed(results, err))
		}
		gsub := func(replace func(*reference.Match) (string, error)) {
			text, n, err := reference.StringGsub(s, p, int(most), replace)
			add([]any{text, float64(n)}, err)
		}
		add(reference.StringFind(s, p, int(init), false))
		add(reference.StringFind(s, p, int(init), true))
		add(reference.StringMatch(s, p, int(init)))
		gsub(func(m *reference.Match) (string, error) { return reference.Expand(s, r, m) })
		gsub(count)
		want = append(want, append([]any{"calls"}, calls...))
		gsub(lookUp)
		all, err := reference.StringGmatch(s, p, 30)
		for _, captures := range all {
			iterated = append(iterated, joined(captures))
		}
		if add([]any{}, err); err != nil || want[4] == nil {
			want[5] = nil // how far it came is not told
		}
		want = append(want, append([]any{"gmatch"}, iterated...))
		if errors.Is(err, reference.ErrTired) {
			return
		}
		agree(t, patternProgram, fuel, want, s, p, r, float64(init), float64(most))
	})
}

// joined is what table.concat makes of what pack made.
func joined(results []any) string {
	var words []string
	for _, w := range packed(results, nil) {
		words = append(words, w.(string))
	}
	return strings.Join(words, " ")
}

// firstCapture is what a table that replaces is asked for.
func firstCapture(s string, m *reference.Match) (any, error) {
	if len(m.Captures) == 0 {
		return s[m.Start:m.End], nil
	}
	first := *m
	first.Captures = m.Captures[:1]
	captures, err := reference.Captures(s, &first)
	if err != nil {
		return nil, err
	}
	return captures[0], nil
}
