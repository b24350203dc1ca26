package review_test

import (
	"testing"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/review"
)

// BenchmarkOf reviews an ordinary mod as a host makes it when it asks again: what the static check
// found is remembered.
func BenchmarkOf(b *testing.B) {
	mod, err := bundle.OpenPath("../../testdata/mods/economy", bundle.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	in := review.Input{Bundle: mod, API: api(b), At: at}
	for b.Loop() {
		r, err := review.Of(in)
		if err != nil {
			b.Fatal(err)
		}
		if r.Risk().Score == 0 {
			b.Fatal("no risk")
		}
	}
}

// BenchmarkBrief words a review.
func BenchmarkBrief(b *testing.B) {
	mod, err := bundle.OpenPath("../../testdata/mods/economy", bundle.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	r := of(b, review.Input{Bundle: mod, API: api(b)})
	for b.Loop() {
		if r.Brief().Text(80, nil) == "" {
			b.Fatal("no text")
		}
	}
}
