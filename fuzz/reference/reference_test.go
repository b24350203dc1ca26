package reference_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/fuzz/reference"
)

// The reference is held against what the manual, and C99 for sprintf, say outright.

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		s, p string
		want []any
	}{
		{"THE (quick) fox", "%((%a+)%)", []any{5.0, 11.0, "quick"}},
		{"flaaap", "()aa()", []any{3.0, 4.0, 3.0, 5.0}},
		{"x = f(a(b)c)d", "%b()", []any{6.0, 12.0}},
		{"a0-", "[%a-z]", []any{1.0, 1.0}},
		{"0-", "[%a-z]", []any{2.0, 2.0}},
		{"aaab", "a-b", []any{1.0, 4.0}},
		{"hello", "l+", []any{3.0, 4.0}},
		{"a.b", ".", []any{1.0, 1.0}},
		{"abc", "^b", nil},
		{"abab", "(a)(b)%1%2", []any{1.0, 4.0, "a", "b"}},
	} {
		got, err := reference.StringFind(c.s, c.p, 1, false)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("find(%q, %q): %v\n%s", c.s, c.p, err, diff)
		}
	}
	for p, want := range map[string]string{"[a": "malformed pattern (missing ']')", "%": "malformed pattern (ends with '%')", "(a": "unfinished capture", "a)": "invalid pattern capture", "%1": "invalid capture index"} {
		if _, err := reference.StringMatch("a", p, 1); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", p, err, want)
		}
	}
	swap := func(m *reference.Match) (string, error) { return reference.Expand("hello world from Lua", "%2 %1", m) }
	if got, n, err := reference.StringGsub("hello world from Lua", "(%w+)%s*(%w+)", 10, swap); got != "world hello Lua from" || n != 2 || err != nil {
		t.Errorf("%q, %d, %v", got, n, err)
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct {
		format string
		arg    any
		want   string
	}{
		{"%d", -3.9, "-3"}, {"%5.2f|", 1.005, " 1.00|"}, {"%e", 12345.678, "1.234568e+04"}, {"%g", 1e15, "1e+15"}, {"%g", 100000.0, "100000"}, {"%g", 1e-5, "1e-05"},
		{"%.0f", 0.5, "0"}, {"%.0f", 1.5, "2"}, {"%.0f", 2.5, "2"}, {"%#x", 255.0, "0xff"}, {"%X", -1.0, "FFFFFFFFFFFFFFFF"}, {"%o", 8.0, "10"}, {"%+05d", 42.0, "+0042"}, {"%-5d|", 42.0, "42   |"},
		{"%c", 65.0, "A"}, {"%s", 0.1, "0.1"}, {"%.3s", "abcdef", "abc"}, {"%q", "a\n\"\\", "\"a\\\n\\\"\\\\\""}, {"%5s%%", "x", "    x%"}, {"%G", 1e-10, "1E-10"}, {"%.3g", 9995.0, "1e+04"}, {"%.20g", 0.1, "0.10000000000000000555"},
	} {
		if got, err := reference.Format(c.format, c.arg); got != c.want || err != nil {
			t.Errorf("%s of %v: %q, %v, want %q", c.format, c.arg, got, err, c.want)
		}
	}
	for n, want := range map[float64]string{1e14: "1e+14", 1e13: "10000000000000", 3.14159265358979: "3.1415926535898", -0.5: "-0.5"} {
		if got := reference.Number(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
}
