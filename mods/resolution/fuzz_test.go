package resolution_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/resolution"
)

// seeds are universes, and what is asked for in the first line.
var seeds = []string{
	"a *\na 2.0.0: needs b ^1\na 1.0.0: needs b ^2\nb 1.0.0\nb 2.0.0",
	"a *, b *\na 1.0.0: needs c >=1.0, not d *\nb 1.0.0: takes c <2, after a *\nc 1.0.0: needs a *\nc 1.5.0: yanked\nc 2.0.0",
	"a *, b *\na 1.0.0: copies j ^1\nb 1.0.0: copies j *, copies k *\nj 1.0.0: library\nj 1.2.0: library, copies k *\nk 2.0.0: library, not j *",
	"a ^1 || ^3\na 1.0.0: needs a *\na 3.0.0-rc.1: api ^9\na 3.0.0+7",
	"x *\nx 1.0.0: needs y *\ny 1.0.0: needs z *\nz 1.0.0: needs x *\nz 0.9.0: not y 1.0.0",
}

func TestFuzzSeedsExist(t *testing.T) {
	entries, err := os.ReadDir("testdata/fuzz/FuzzResolve")
	if err != nil || len(entries) == 0 || len(seeds) < 5 {
		t.Errorf("%d seeds, %d files: %v", len(seeds), len(entries), err)
	}
	for _, seed := range seeds {
		roots, rest, _ := strings.Cut(seed, "\n")
		if _, err := readUniverse(rest); err != nil {
			t.Error(err)
		}
		want(t, roots)
	}
}

// FuzzResolve: every answer is one of the documented ones and the same again, and a
// choice satisfies all that is documented.
func FuzzResolve(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		roots, rest, _ := strings.Cut(text, "\n")
		u, err := readUniverse(rest)
		if err != nil {
			return
		}
		request := resolution.Request{Limits: resolution.Limits{Steps: 300_000}}
		if request.Roots, err = readWants(roots); err != nil {
			return
		}
		result, err := resolution.Resolve(request, u)
		again, errAgain := resolution.Resolve(request, u)
		if diff := cmp.Diff(result, again); diff != "" || (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() {
			t.Fatalf("%v, and then %v: %s", err, errAgain, diff)
		}
		switch {
		case err == nil:
			checkResult(t, request, u, result)
		case errors.As(err, new(*resolution.ConflictError)), errors.As(err, new(*resolution.LimitError)), errors.As(err, new(*resolution.UniverseError)):
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("several lines: %q", err)
			}
		default:
			t.Fatalf("%T: %v", err, err)
		}
	})
}
