package manifest

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	candidates := []string{"id", "version", "name", "description", "authors", "license", "entry", "api"}
	for name, want := range map[string]string{
		"verison": "version", "Version": "version", "versions": "version", "nmae": "name", "author": "authors",
		"licence": "license", "desc": "", "x": "", "ie": "id", "ap": "api", "version": "", "frobnicate": "", "": "",
	} {
		if got := Nearest(name, candidates); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

// TestNearestIsBounded: a name of any length takes no work worth speaking of.
func TestNearestIsBounded(t *testing.T) {
	long := strings.Repeat("version", 1<<20)
	if n := testing.AllocsPerRun(1, func() { Nearest(long, []string{"version"}) }); n > 0 {
		t.Errorf("%v allocations for a name of %d bytes", n, len(long))
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"abc", "", 3}, {"", "abc", 3}, {"abc", "acb", 1}, {"abc", "axc", 1}, {"abc", "abcd", 1}, {"kitten", "sitting", 3}}
	for _, test := range tests {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
