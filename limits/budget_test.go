package limits_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"pgregory.net/rapid"
)

// asError fails the test unless err is a *limits.Error.
func asError(t interface {
	Helper()
	Fatalf(string, ...any)
}, err error) *limits.Error {
	t.Helper()
	var e *limits.Error
	if !errors.As(err, &e) || !errors.Is(err, limits.ErrExceeded) {
		t.Fatalf("got %v, want a *limits.Error", err)
	}
	return e
}

func TestChargeStopsAtMaximum(t *testing.T) {
	b := limits.NewBudget(limits.Output, 10, nil)
	if err := b.Charge(10); err != nil {
		t.Fatal(err)
	}
	if err := b.Charge(0); err != nil {
		t.Fatalf("nothing costs nothing, even when all is spent: %v", err)
	}
	err := b.Charge(1)
	want := &limits.Error{Kind: limits.Output, Used: 10, Max: 10, Asked: 1}
	if diff := cmp.Diff(want, asError(t, err)); diff != "" {
		t.Error(diff)
	}
}

func TestChargeLatches(t *testing.T) {
	b := limits.NewBudget(limits.Instructions, 100, nil)
	if b.Tripped() != nil {
		t.Fatal("tripped from the start")
	}
	if err := b.Charge(40); err != nil {
		t.Fatal(err)
	}
	first := asError(t, b.Charge(61))
	if got := b.Use().Current; got != 40 {
		t.Errorf("the refused charge was added: %d", got)
	}
	if got := asError(t, b.Charge(1)); got != first {
		t.Errorf("a later charge that fits gives %v, want the latched %v", got, first)
	}
	if b.Borrow(1) != 0 || b.Left() != 0 || b.Tripped() != first || b.Trip() != first {
		t.Error("not latched everywhere")
	}
	b.Return(0)
	if b.Tripped() != first {
		t.Error("Return cleared the latch")
	}
	b.Refill(7)
	if b.Tripped() != nil || b.Left() != 7 || b.Charge(7) != nil {
		t.Error("Refill did not begin a new period")
	}
	if diff := cmp.Diff(limits.Use{Kind: limits.Instructions, Current: 7, Peak: 40, Max: 7}, b.Use()); diff != "" {
		t.Error(diff)
	}
}

func TestChargeRefusesMistakes(t *testing.T) {
	for _, max := range []int64{0, 5, limits.Unlimited} {
		for _, n := range []int64{-1, -1 << 63} {
			parent := limits.NewBudget(limits.Output, max, nil)
			b := limits.NewBudget(limits.Output, max, parent)
			var misuse *limits.MisuseError
			if err := b.Charge(n); !errors.As(asError(t, err), &misuse) || misuse.N != n {
				t.Errorf("Charge(%d) of %d: %v", n, max, err)
			}
			if b.Use().Current != 0 || b.Tripped() == nil || b.Left() != 0 {
				t.Errorf("Charge(%d) of %d did not latch: %+v", n, max, b.Use())
			}
			if parent.Tripped() != nil || parent.Left() != max {
				t.Errorf("Charge(%d) touched the parent", n)
			}
		}
	}
}

func TestUnlimited(t *testing.T) {
	b := limits.NewBudget(limits.Instructions, limits.Unlimited, nil)
	for range 3 {
		if err := b.Charge(limits.Unlimited / 4); err != nil {
			t.Fatal(err)
		}
	}
	if asError(t, b.Charge(limits.Unlimited/2)).Used != limits.Unlimited/4*3 {
		t.Error("overflow was not refused")
	}
	b.Refill(limits.Unlimited)
	asError(t, b.Charge(limits.Unlimited)) // a size that saturated is never admitted
	b.Refill(limits.Unlimited)
	asError(t, b.Charge(limits.MulAdd(1<<40, 1<<40, 0)))

	var zero limits.Budget
	if zero.Left() != 0 || zero.Borrow(1) != 0 || zero.Charge(1) == nil {
		t.Error("the zero Budget admits something")
	}
	if negative := limits.NewBudget(limits.Output, -5, nil); negative.Left() != 0 || negative.Charge(1) == nil {
		t.Error("a negative maximum admits something")
	}
}

func TestParentIsCharged(t *testing.T) {
	tick := limits.NewBudget(limits.Instructions, 100, nil)
	a := limits.NewBudget(limits.Instructions, 80, tick)
	b := limits.NewBudget(limits.Instructions, 80, tick)
	if err := a.Charge(60); err != nil {
		t.Fatal(err)
	}
	if got := b.Left(); got != 40 {
		t.Fatalf("b has %d left, want the parent's 40", got)
	}
	e := asError(t, b.Charge(50))
	if diff := cmp.Diff(&limits.Error{Kind: limits.Instructions, Used: 60, Max: 100, Asked: 50}, e); diff != "" {
		t.Errorf("the error is not the parent's: %s", diff)
	}
	if b.Use().Current != 0 || tick.Use().Current != 60 {
		t.Error("a refused charge was added somewhere")
	}
	// b's greed is b's end only.
	if tick.Tripped() != nil || a.Charge(20) != nil {
		t.Error("a sibling suffered")
	}

	tick.Trip()
	if a.Tripped() != tick.Tripped() || a.Borrow(1) != 0 || a.Left() != 0 {
		t.Error("a tripped parent does not stop its children")
	}
	if got := asError(t, a.Charge(0)); got != tick.Tripped() {
		t.Errorf("got %v", got)
	}
}

func TestBorrow(t *testing.T) {
	mod := limits.NewBudget(limits.Instructions, 100, nil)
	call := limits.NewBudget(limits.Instructions, 60, mod)
	for _, tt := range []struct{ want, got, callLeft, modLeft int64 }{
		{0, 0, 60, 100},
		{-5, 0, 60, 100},
		{-1 << 63, 0, 60, 100},
		{50, 50, 10, 50},
		{50, 10, 0, 40},
		{1, 0, 0, 40},
	} {
		if got := call.Borrow(tt.want); got != tt.got {
			t.Errorf("Borrow(%d) = %d, want %d", tt.want, got, tt.got)
		}
		if call.Left() != tt.callLeft || mod.Left() != tt.modLeft {
			t.Errorf("after Borrow(%d): %d and %d left", tt.want, call.Left(), mod.Left())
		}
	}
	if call.Tripped() != nil {
		t.Error("Borrow latched")
	}
	if got, want := call.Trip(), (&limits.Error{Kind: limits.Instructions, Used: 60, Max: 60}); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	call.Refill(60)
	if got := call.Borrow(limits.Unlimited); got != 40 {
		t.Errorf("Borrow gave %d, want the parent's 40", got)
	}
	if got, want := call.Trip(), (&limits.Error{Kind: limits.Instructions, Used: 100, Max: 100}); !cmp.Equal(got, want) {
		t.Errorf("the spent parent is not named: %s", cmp.Diff(want, got))
	}
}

func TestReturnNeverMakesABudgetLarger(t *testing.T) {
	parent := limits.NewBudget(limits.Instructions, 100, nil)
	b := limits.NewBudget(limits.Instructions, 50, parent)
	_ = parent.Charge(30)
	got := b.Borrow(20)
	b.Return(-7)
	if b.Left() != 30 || parent.Left() != 50 {
		t.Errorf("Return(-7): %d and %d left", b.Left(), parent.Left())
	}
	b.Return(got + 1000)
	if b.Use().Current != 0 || b.Left() != 50 || parent.Use().Current != 30 {
		t.Errorf("returned more than was borrowed: %+v, %+v", b.Use(), parent.Use())
	}
}

func TestMarks(t *testing.T) {
	var log []string
	b := limits.NewBudget(limits.Instructions, 100, nil)
	note := func(name string) func(limits.Use) {
		return func(u limits.Use) { log = append(log, fmt.Sprintf("%s at %d", name, u.Current)) }
	}
	expect := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, log); diff != "" {
			t.Error(diff)
		}
		log = nil
	}
	b.Mark(80, note("late"))
	b.Mark(50, note("half"))
	b.Mark(50, note("half again"))
	b.Mark(10, nil)
	_ = b.Charge(49)
	expect()
	_ = b.Charge(1)
	expect("half at 50", "half again at 50")
	_ = b.Charge(1)
	expect()
	_ = b.Charge(1000)
	expect() // what was refused reached nothing
	b.Refill(100)
	_ = b.Charge(90)
	expect("half at 90", "half again at 90", "late at 90")

	// A loan ends at a mark, and the mark is reached when the loan is spent.
	b.Refill(100)
	if got := b.Borrow(70); got != 50 {
		t.Errorf("borrowed %d across a mark at 50", got)
	}
	expect()
	b.Return(1)
	expect()
	if got := b.Borrow(70); got != 1 {
		t.Errorf("borrowed %d, want the 1 to the mark", got)
	}
	b.Return(0)
	expect("half at 50", "half again at 50")
	if got := b.Borrow(70); got != 30 {
		t.Errorf("borrowed %d, want 30 to the next mark", got)
	}
	if got := b.Borrow(70); got != 20 {
		t.Errorf("borrowed %d, want the last 20", got)
	}
	expect("late at 80")

	// A parent's marks see a child's spending; a mark may trip.
	child := limits.NewBudget(limits.Instructions, 1000, b)
	b.Refill(1000)
	b.Mark(60, func(limits.Use) { b.Trip() })
	if err := child.Charge(60); err != nil {
		t.Error("the charge that reaches a mark is not refused:", err)
	}
	expect("half at 60", "half again at 60")
	asError(t, child.Charge(1))
	if child.Borrow(1) != 0 {
		t.Error("borrowed from a budget tripped by its mark")
	}
}

// A mark that was passed before it was set is reached at the next spending.
func TestMarkSetLate(t *testing.T) {
	b := limits.NewBudget(limits.Output, 100, nil)
	_ = b.Charge(60)
	calls := 0
	b.Mark(50, func(limits.Use) { calls++ })
	if calls != 0 {
		t.Error("called while setting")
	}
	_ = b.Charge(0)
	_ = b.Charge(1)
	if calls != 1 {
		t.Errorf("called %d times", calls)
	}
}

// TestBudgetModel drives a family of budgets with random calls and compares
// each with a plain model after every step.
func TestBudgetModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type model struct {
			used, max, peak int64
			tripped         bool
			parent          int
		}
		maxes := rapid.OneOf(rapid.Int64Range(-2, 200), rapid.Just(int64(limits.Unlimited)))
		amounts := rapid.OneOf(rapid.Int64Range(-3, 120), rapid.Int64())
		parents := []int{-1, 0, 0, 1}
		budgets := make([]*limits.Budget, len(parents))
		models := make([]model, len(parents))
		for i, p := range parents {
			m := maxes.Draw(t, "max")
			var parent *limits.Budget
			if p >= 0 {
				parent = budgets[p]
			}
			budgets[i] = limits.NewBudget(limits.Instructions, m, parent)
			models[i] = model{max: max(m, 0), parent: p}
		}
		left := func(i int) int64 {
			l := int64(limits.Unlimited)
			for ; i >= 0; i = models[i].parent {
				if models[i].tripped {
					return 0
				}
				l = min(l, models[i].max-models[i].used)
			}
			return l
		}
		anyTripped := func(i int) bool {
			for ; i >= 0; i = models[i].parent {
				if models[i].tripped {
					return true
				}
			}
			return false
		}
		spend := func(i int, n int64) {
			for ; i >= 0; i = models[i].parent {
				models[i].used += n
			}
		}
		pick := rapid.IntRange(0, len(parents)-1)
		t.Repeat(map[string]func(*rapid.T){
			"charge": func(t *rapid.T) {
				i, n := pick.Draw(t, "i"), amounts.Draw(t, "n")
				fits := n >= 0 && n <= left(i) && n != limits.Unlimited && !anyTripped(i)
				err := budgets[i].Charge(n)
				if (err == nil) != fits {
					t.Fatalf("Charge(%d) = %v with %d left", n, err, left(i))
				}
				if fits {
					spend(i, n)
				} else {
					models[i].tripped = true
					if e := asError(t, err); e.Used > e.Max || e.Used < 0 {
						t.Fatalf("%+v", e)
					}
				}
			},
			"borrow": func(t *rapid.T) {
				i, n := pick.Draw(t, "i"), amounts.Draw(t, "n")
				want := max(min(n, left(i)), 0)
				got := budgets[i].Borrow(n)
				if got != want {
					t.Fatalf("Borrow(%d) = %d, want %d", n, got, want)
				}
				spend(i, got)
				if got > 0 {
					back := rapid.Int64Range(0, got).Draw(t, "back")
					budgets[i].Return(back)
					spend(i, -back)
				}
			},
			"trip": func(t *rapid.T) {
				i := pick.Draw(t, "i")
				if e := budgets[i].Trip(); e == nil || e.Used > e.Max {
					t.Fatalf("%+v", e)
				}
				models[i].tripped = true
			},
			"refill": func(t *rapid.T) {
				i, m := pick.Draw(t, "i"), maxes.Draw(t, "max")
				budgets[i].Refill(m)
				mo := &models[i]
				mo.peak, mo.used, mo.max, mo.tripped = max(mo.peak, mo.used), 0, max(m, 0), false
			},
			"": func(t *rapid.T) {
				for i, mo := range models {
					want := limits.Use{Kind: limits.Instructions, Current: mo.used, Peak: max(mo.peak, mo.used), Max: mo.max}
					if got := budgets[i].Use(); got != want {
						t.Fatalf("%d: %+v, want %+v", i, got, want)
					}
					if got := budgets[i].Left(); got != left(i) {
						t.Fatalf("%d: %d left, want %d", i, got, left(i))
					}
					if (budgets[i].Tripped() != nil) != anyTripped(i) {
						t.Fatalf("%d: Tripped() = %v", i, budgets[i].Tripped())
					}
				}
			},
		})
	})
}

// However a slice-wise spender and direct charges are mixed, exactly max units
// are spent before the budget is empty.
func TestBorrowedSlicesEndExactlyAtMaximum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.Int64Range(0, 5000).Draw(t, "max")
		b := limits.NewBudget(limits.Instructions, most, limits.NewBudget(limits.Instructions, limits.Unlimited, nil))
		for _, at := range rapid.SliceOfN(rapid.Int64Range(0, 6000), 0, 4).Draw(t, "marks") {
			b.Mark(at, func(limits.Use) {})
		}
		spent := int64(0)
		for {
			slice := b.Borrow(rapid.Int64Range(1, 700).Draw(t, "slice"))
			if slice == 0 {
				break
			}
			use := rapid.Int64Range(1, slice).Draw(t, "use")
			b.Return(slice - use)
			spent += use
		}
		if spent != most || b.Trip().Used != most {
			t.Fatalf("spent %d of %d: %v", spent, most, b.Tripped())
		}
	})
}

func TestSpendingDoesNotAllocate(t *testing.T) {
	m := limits.NewMeter(limits.Limits{}, limits.NewMeter(limits.None(), nil))
	m.Instructions().Mark(1, func(limits.Use) {})
	spent := limits.NewBudget(limits.Output, 0, nil)
	_ = spent.Charge(1)
	for name, f := range map[string]func(){
		"Charge":          func() { _ = m.Instructions().Charge(3) },
		"Charge, latched": func() { _ = spent.Charge(1) },
		"Borrow":          func() { m.Instructions().Return(m.Instructions().Borrow(64)) },
		"Add":             func() { _ = m.Memory().Add(64); m.Memory().Sub(64) },
		"Set":             func() { _ = m.Memory().Set(100) },
		"Check":           func() { _ = m.Limits().Check(limits.Depth, 3) },
		"BeginCall":       m.BeginCall,
		"Snapshot":        func() { _ = m.Snapshot() },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// Shortage is Trip without the latch.
func TestShortage(t *testing.T) {
	tick := limits.NewBudget(limits.Instructions, 30, nil)
	a := limits.NewBudget(limits.Instructions, 100, tick)
	if err := a.Charge(30); err != nil {
		t.Fatal(err)
	}
	e := a.Shortage()
	if e.Used != 30 || e.Max != 30 || a.Tripped() != nil || tick.Tripped() != nil {
		t.Errorf("%+v, latched %v and %v", e, a.Tripped(), tick.Tripped())
	}
	tick.Refill(30)
	if err := a.Charge(1); err != nil {
		t.Errorf("after Shortage: %v", err)
	}
	if trip := tick.Trip(); a.Shortage() != trip || a.Trip() != trip {
		t.Errorf("not the ancestor's latched error: %v", a.Shortage())
	}
}
