package limits_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"pgregory.net/rapid"
)

func TestGaugeAdd(t *testing.T) {
	parent := limits.NewGauge(limits.Memory, 150, nil)
	a := limits.NewGauge(limits.Memory, 100, parent)
	b := limits.NewGauge(limits.Memory, 100, parent)
	if err := a.Add(100); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&limits.Error{Kind: limits.Memory, Used: 100, Max: 100, Asked: 1}, asError(t, a.Add(1))); diff != "" {
		t.Error(diff)
	}
	if got := b.Left(); got != 50 {
		t.Errorf("b has %d left, want the parent's 50", got)
	}
	if diff := cmp.Diff(&limits.Error{Kind: limits.Memory, Used: 100, Max: 150, Asked: 51}, asError(t, b.Add(51))); diff != "" {
		t.Error(diff)
	}
	if b.Current() != 0 || parent.Current() != 100 {
		t.Error("what was refused is held")
	}
	a.Sub(60)
	if err := b.Add(51); err != nil {
		t.Error("a gauge latched:", err)
	}
	if diff := cmp.Diff(limits.Use{Kind: limits.Memory, Current: 40, Peak: 100, Max: 100}, a.Use()); diff != "" {
		t.Error(diff)
	}
	if a.Peak() != 100 || a.Max() != 100 || parent.Current() != 91 {
		t.Errorf("peak %d, max %d, parent %d", a.Peak(), a.Max(), parent.Current())
	}
	a.Sub(1000)
	a.Sub(-1000)
	if a.Current() != 0 || parent.Current() != 51 {
		t.Errorf("%d and %d held", a.Current(), parent.Current())
	}
}

func TestGaugeMistakes(t *testing.T) {
	g := limits.NewGauge(limits.Coroutines, limits.Unlimited, nil)
	_ = g.Add(7)
	for _, err := range []error{g.Add(-1), g.Set(-1), g.Add(-1 << 63)} {
		var misuse *limits.MisuseError
		if !errors.As(asError(t, err), &misuse) {
			t.Errorf("%v", err)
		}
	}
	asError(t, g.Add(limits.Unlimited))
	asError(t, g.Add(limits.Unlimited-7+1))
	if g.Current() != 7 {
		t.Errorf("%d held", g.Current())
	}
	var zero limits.Gauge
	if zero.Left() != 0 || zero.Add(1) == nil || limits.NewGauge(limits.Memory, -1, nil).Add(1) == nil {
		t.Error("a gauge without a maximum admits something")
	}
}

func TestGaugeSet(t *testing.T) {
	parent := limits.NewGauge(limits.Memory, 100, nil)
	a := limits.NewGauge(limits.Memory, 80, parent)
	b := limits.NewGauge(limits.Memory, 80, parent)
	_ = b.Add(30)
	for _, tt := range []struct {
		n, parent int64
		want      *limits.Error
	}{
		{50, 80, nil},
		{20, 50, nil},
		{75, 105, &limits.Error{Kind: limits.Memory, Used: 100, Max: 100, Asked: 5}},
		{90, 120, &limits.Error{Kind: limits.Memory, Used: 80, Max: 80, Asked: 10}},
		{0, 30, nil},
	} {
		err := a.Set(tt.n)
		if tt.want == nil && err != nil {
			t.Errorf("Set(%d): %v", tt.n, err)
		}
		if tt.want != nil {
			if diff := cmp.Diff(tt.want, asError(t, err)); diff != "" {
				t.Errorf("Set(%d): %s", tt.n, diff)
			}
			if a.Add(1) == nil || a.Left() != 0 {
				t.Errorf("after Set(%d) more fits", tt.n)
			}
		}
		if a.Current() != tt.n || parent.Current() != tt.parent {
			t.Errorf("Set(%d): %d and %d held", tt.n, a.Current(), parent.Current())
		}
	}
	if a.Peak() != 90 || parent.Peak() != 120 {
		t.Errorf("peaks %d and %d hide what was held", a.Peak(), parent.Peak())
	}
}

// Two gauges of absurd size under one parent saturate it and do not wrap round.
func TestGaugeSetSaturates(t *testing.T) {
	parent := limits.NewGauge(limits.Memory, 100, nil)
	a, b := limits.NewGauge(limits.Memory, 100, parent), limits.NewGauge(limits.Memory, 100, parent)
	for _, g := range []*limits.Gauge{a, b} {
		asError(t, g.Set(limits.Unlimited-1))
	}
	if parent.Current() != limits.Unlimited || parent.Left() != 0 || parent.Add(1) == nil {
		t.Errorf("%+v", parent.Use())
	}
}

func TestGaugeMarks(t *testing.T) {
	var seen []int64
	parent := limits.NewGauge(limits.Memory, 100, nil)
	g := limits.NewGauge(limits.Memory, 100, parent)
	g.Mark(50, func(u limits.Use) { seen = append(seen, u.Current) })
	parent.Mark(60, func(u limits.Use) { seen = append(seen, -u.Current) })
	_ = g.Add(49)
	_ = g.Add(500)
	_ = g.Add(1)
	g.Sub(20)
	_ = g.Set(55) // once only
	_ = g.Set(61)
	g.Arm()
	_ = g.Add(0)
	if diff := cmp.Diff([]int64{50, -61, 61}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestGaugeModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		maxes := rapid.OneOf(rapid.Int64Range(0, 300), rapid.Just(int64(limits.Unlimited)))
		amounts := rapid.OneOf(rapid.Int64Range(-3, 200), rapid.Int64())
		top := limits.NewGauge(limits.Memory, maxes.Draw(t, "top"), nil)
		kids := []*limits.Gauge{limits.NewGauge(limits.Memory, maxes.Draw(t, "0"), top), limits.NewGauge(limits.Memory, maxes.Draw(t, "1"), top)}
		held := []int64{0, 0}
		peak := int64(0)
		pick := rapid.IntRange(0, 1)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				i, n := pick.Draw(t, "i"), amounts.Draw(t, "n")
				fits := n >= 0 && n <= kids[i].Max()-held[i] && n <= top.Max()-held[0]-held[1] && n != limits.Unlimited
				if err := kids[i].Add(n); (err == nil) != fits {
					t.Fatalf("Add(%d) = %v", n, err)
				} else if err != nil {
					if e := asError(t, err); e.Used > e.Max {
						t.Fatalf("%+v", e)
					}
				}
				if fits {
					held[i] += n
				}
			},
			"sub": func(t *rapid.T) {
				i, n := pick.Draw(t, "i"), amounts.Draw(t, "n")
				kids[i].Sub(n)
				held[i] -= min(max(n, 0), held[i])
			},
			"set": func(t *rapid.T) {
				i, n := pick.Draw(t, "i"), rapid.Int64Range(0, 400).Draw(t, "n")
				if held[1-i] > limits.Unlimited-n {
					t.Skip("the sum saturates")
				}
				held[i] = n
				over := n > kids[i].Max() || held[0]+held[1] > top.Max()
				if err := kids[i].Set(n); (err != nil) != over {
					t.Fatalf("Set(%d) = %v", n, err)
				}
			},
			"": func(t *rapid.T) {
				peak = max(peak, held[0]+held[1])
				if kids[0].Current() != held[0] || kids[1].Current() != held[1] || top.Current() != held[0]+held[1] || top.Peak() != peak {
					t.Fatalf("%+v %+v in %+v, want %v, peak %d", kids[0].Use(), kids[1].Use(), top.Use(), held, peak)
				}
			},
		})
	})
}
