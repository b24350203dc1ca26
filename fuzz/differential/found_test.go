package differential

import (
	"os"
	"strings"
	"testing"
)

// TestFound holds the cases of testdata/found.lua, here and in C Lua. A case that
// has been mended must lose its --~.
func TestFound(t *testing.T) {
	b, err := os.ReadFile("testdata/found.lua")
	if err != nil {
		t.Fatal(err)
	}
	var programs, wants []string
	for i, line := range strings.Split(string(b), "\n") {
		text, rest, ok := strings.Cut(line, " --> ")
		if !ok || strings.HasPrefix(line, "--") {
			continue
		}
		want, other, differs := strings.Cut(rest, " --~ ")
		text = strings.Repeat("\n", i) + text // at its place in the file
		programs, wants = append(programs, text), append(wants, want)
		got := strings.TrimSuffix(ours(t, text), "\n")
		switch {
		case differs && got == want:
			t.Errorf("line %d prints what C Lua prints: take the --~ away", i+1)
		case differs && got != other:
			t.Errorf("line %d prints %q, want %q at last and %q until then", i+1, got, want, other)
		case !differs && got != want:
			t.Errorf("line %d prints %q, want %q", i+1, got, want)
		}
	}
	if len(programs) == 0 {
		t.Fatal("no cases")
	}
	for i, got := range inC(t, programs) {
		if got := strings.TrimSuffix(got, "\n"); got != wants[i] {
			t.Errorf("C Lua prints %q for %s, and the file says %q", got, strings.TrimSpace(programs[i]), wants[i])
		}
	}
}
