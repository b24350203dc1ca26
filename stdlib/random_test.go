package stdlib

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
)

func TestRandom(t *testing.T) {
	const text = "return math.random(1000000), math.random(1000000), math.random(1000000), math.random()"
	draw := func(seed uint64, text string) []string {
		got, err := evaluate(t, newMachine(t, limits.Limits{}, Options{Seed: seed}), text)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	// The sequence is part of what makes a run reproducible: it must not change.
	golden := []string{"930695", "729215", "901888", "0.88707048183293"}
	if diff := cmp.Diff(golden, draw(1, text)); diff != "" {
		t.Errorf("sequence of seed 1 (-want +got):\n%s", diff)
	}
	if cmp.Equal(draw(1, text), draw(2, text)) {
		t.Error("two seeds, one sequence")
	}
	if !cmp.Equal(draw(1, "math.randomseed(7) "+text), draw(2, "math.randomseed(7) "+text)) {
		t.Error("randomseed does not fix the sequence")
	}
	runEvalTests(t, limits.Limits{}, Options{Seed: 3}, []evalTest{
		{"whole range of int", "for i = 1, 1000 do local r = math.random(-2^31, 2^31 - 1) if r < -2^31 or r > 2^31 - 1 or r % 1 ~= 0 then return r end end return 'ok'", []string{"ok"}},
		{"both ends are drawn", "local lo, hi for i = 1, 1000 do local r = math.random(3) lo = lo or r == 1 hi = hi or r == 3 end return lo, hi", []string{"true", "true"}},
		{"evenly", "local n = {0, 0, 0, 0, 0} for i = 1, 50000 do local r = math.random(5) n[r] = n[r] + 1 end for i = 1, 5 do if n[i] < 9600 or n[i] > 10400 then return n[i] end end return 'ok'", []string{"ok"}},
		{"fractions fill the interval", "local lo, hi = 1, 0 for i = 1, 10000 do local r = math.random() lo, hi = math.min(lo, r), math.max(hi, r) end return lo < 0.001, hi > 0.999, hi < 1", []string{"true", "true", "true"}},
	})
	t.Run("machines do not share a generator", func(t *testing.T) {
		a, b := newMachine(t, limits.Limits{}, Options{Seed: 1}), newMachine(t, limits.Limits{}, Options{Seed: 1})
		if _, err := evaluate(t, a, "for i = 1, 10 do math.random() end"); err != nil {
			t.Fatal(err)
		}
		got, err := evaluate(t, b, text)
		if diff := cmp.Diff(golden, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}
