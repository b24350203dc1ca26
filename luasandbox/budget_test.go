package luasandbox_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

const hoarder = `
	kept = {}
	function keep(n) for i = 1, n do kept[#kept + 1] = ("x"):rep(10000) .. #kept end end
	function drop() kept = {} end
	function waste(n) for i = 1, n do local t = ("x"):rep(10000) .. i end end
	function rest() return 1 end`

// hoarders are sandboxes that share a budget, or have none.
func hoarders(t *testing.T, n int, budget *limits.Meter, l limits.Limits) []*luasandbox.Sandbox {
	t.Helper()
	var out []*luasandbox.Sandbox
	for range n {
		out = append(out, newSandbox(t, luasandbox.Config{Limits: l, Budget: budget}, hoarder))
	}
	return out
}

// live is what the sandboxes hold, exactly.
func live(t *testing.T, sandboxes []*luasandbox.Sandbox) (sum int64) {
	t.Helper()
	for _, s := range sandboxes {
		c, err := s.Census()
		if err != nil {
			t.Fatal(err)
		}
		sum += c.Bytes
	}
	return sum
}

// Eight sandboxes with a limit of 8 MiB each, and a common budget of 8 MiB, hold no more
// than that and a quarter; without the budget they hold seven times as much.
func TestBudgetOfMemory(t *testing.T) {
	const most = 8 << 20
	fill := func(sandboxes []*luasandbox.Sandbox, check func()) (refused int) {
		for range 7 {
			for _, s := range sandboxes {
				_, err := s.Call(context.Background(), "keep", 100)
				var limit *limits.Error
				if errors.As(err, &limit) && limit.Kind == limits.Memory {
					refused++
				} else if err != nil {
					t.Fatal(err)
				}
				check()
			}
		}
		return refused
	}
	l := limits.Limits{Memory: most}
	alone := hoarders(t, 8, nil, l)
	if refused := fill(alone, func() {}); refused != 0 || live(t, alone) < 6*most {
		t.Fatalf("without a budget: %d calls refused, %d bytes held", refused, live(t, alone))
	}
	budget := limits.NewMeter(limits.Limits{Memory: most, Instructions: limits.Unlimited}, nil)
	sandboxes := hoarders(t, 8, budget, l)
	refused := fill(sandboxes, func() {
		if held := budget.Memory().Current(); held > most+most/4 {
			t.Fatalf("the budget holds %d bytes", held)
		}
	})
	if sum := live(t, sandboxes); sum > most+most/4 || sum < most/2 || refused == 0 {
		t.Errorf("with a budget: %d calls refused, %d bytes held", refused, sum)
	}
	// What one lets go of, the others can have.
	for _, s := range sandboxes[1:] {
		_ = s.Close()
	}
	if _, err := sandboxes[0].Call(context.Background(), "keep", 100); err != nil {
		t.Errorf("alone with the budget: %v", err)
	}
	_ = sandboxes[0].Close()
	if held := budget.Memory().Current(); held != 0 {
		t.Errorf("after Close the budget holds %d bytes", held)
	}
}

// Tasks are held to it at the end of each step.
func TestBudgetOfMemoryInSteps(t *testing.T) {
	const most = 4 << 20
	budget := limits.NewMeter(limits.Limits{Memory: most, Instructions: limits.Unlimited}, nil)
	var tasks []*luasandbox.Task
	sandboxes := hoarders(t, 8, budget, limits.Limits{Memory: most, Instructions: limits.Unlimited})
	for _, s := range sandboxes {
		tasks = append(tasks, start(t, s, "keep", 1_000_000))
	}
	refused := 0
	for refused < len(tasks) {
		for _, task := range tasks {
			_, err := task.Step(20_000)
			var limit *limits.Error
			if errors.As(err, &limit) && limit.Kind == limits.Memory {
				refused++
				if refused < len(tasks) && limit.Max != most {
					t.Errorf("%v", limit)
				}
			} else if err != nil && err != luasandbox.ErrFinished {
				t.Fatal(err)
			}
			if held := budget.Memory().Current(); held > most+most/4 {
				t.Fatalf("the budget holds %d bytes", held)
			}
		}
	}
}

// Garbage is no reason to refuse: sandboxes that hold little go on for ever, however
// much their neighbours throw away, and who makes the garbage pays for the looking.
func TestBudgetIsNotHeldByGarbage(t *testing.T) {
	budget := limits.NewMeter(limits.Limits{Memory: 4 << 20, Instructions: limits.Unlimited}, nil)
	sandboxes := hoarders(t, 8, budget, limits.Limits{Memory: 4 << 20})
	// A neighbour that holds much and does nothing.
	if _, err := sandboxes[0].Call(context.Background(), "keep", 150); err != nil {
		t.Fatal(err)
	}
	alone := hoarders(t, 1, nil, limits.Limits{})[0]
	cost := func(s *luasandbox.Sandbox, path string, n int) int64 {
		t.Helper()
		if _, err := s.Call(context.Background(), path, n); err != nil {
			t.Fatal(err)
		}
		return s.LastCall().Instructions
	}
	small, most := cost(alone, "keep", 2), int64(0)
	for i := range 60 {
		if i == 20 {
			// It pays for the looks at what it has kept: once.
			if once := cost(sandboxes[0], "rest", 0); once < 150*10_000/limits.CensusBytesPerUnit/2 {
				t.Errorf("the look at 1.5 MB cost %d instructions", once)
			}
		}
		for _, s := range sandboxes[2:] {
			cost(s, "waste", 60)
		}
		most = max(most, cost(sandboxes[1], "keep", 2))
		cost(sandboxes[1], "drop", 0)
	}
	if own := sandboxes[1].Usage().Memory / limits.CensusBytesPerUnit; most > 3*small+2*own {
		t.Errorf("a call of %d instructions cost %d among neighbours that make garbage", small, most)
	}
	if rest := cost(sandboxes[0], "rest", 0); rest > 2000 {
		t.Errorf("a sandbox that makes no garbage pays %d instructions", rest)
	}
}

// A large piece is to be had where only garbage is in its way.
func TestBudgetHasRoomForALargePiece(t *testing.T) {
	budget := limits.NewMeter(limits.Limits{Memory: 8 << 20, Instructions: limits.Unlimited}, nil)
	sandboxes := hoarders(t, 2, budget, limits.Limits{Memory: 8 << 20})
	for _, path := range []string{"keep", "drop"} {
		if _, err := sandboxes[0].Call(context.Background(), path, 600); err != nil {
			t.Fatal(err)
		}
	}
	if held := budget.Memory().Current(); held < 6<<20 {
		t.Fatalf("%d bytes held", held)
	}
	if _, err := sandboxes[1].Load(context.Background(), compile(t, `s = ("x"):rep(5000000)`)); err != nil {
		t.Error(err)
	}
}

// Whatever the sandboxes do: the budget's figure is an upper bound of what is live, is
// never above the limit and a quarter, is 0 in the end, and all is the same again.
func TestBudgetOfMemoryRandomly(t *testing.T) {
	const most = 2 << 20
	run := func(seed uint64) (usages []luasandbox.Usage, errs int) {
		random := rand.New(rand.NewPCG(seed, 0))
		outer := limits.NewMeter(limits.Limits{Memory: most, Instructions: limits.Unlimited}, nil)
		inner := limits.NewMeter(limits.Limits{Memory: most / 2, Instructions: limits.Unlimited}, outer)
		sandboxes := hoarders(t, 3, inner, limits.Limits{})
		sandboxes = append(sandboxes, hoarders(t, 3, outer, limits.Limits{})...)
		for i := range 150 {
			s := sandboxes[random.IntN(len(sandboxes))]
			_, err := s.Call(context.Background(), []string{"keep", "waste", "drop", "waste", "keep"}[random.IntN(5)], random.IntN(60))
			var limit *limits.Error
			if err != nil {
				if !errors.As(err, &limit) || limit.Kind != limits.Memory {
					t.Fatal(err)
				}
				errs++
			}
			for _, b := range []*limits.Meter{inner, outer} {
				if held, limit := b.Memory().Current(), b.Limits().Memory; held > limit+limit/4 {
					t.Fatalf("seed %d, call %d: a budget of %d bytes holds %d", seed, i+1, limit, held)
				}
			}
		}
		inside, held := inner.Memory().Current(), outer.Memory().Current()
		if sum := live(t, sandboxes[:3]); sum > inside {
			t.Errorf("seed %d: %d bytes live, the inner budget says %d", seed, sum, inside)
		}
		if sum := live(t, sandboxes); sum > held {
			t.Errorf("seed %d: %d bytes live, the budget says %d", seed, sum, held)
		} else if now := outer.Memory().Current(); now != sum {
			t.Errorf("seed %d: %d bytes live after a census, the budget says %d", seed, sum, now)
		}
		for _, i := range random.Perm(len(sandboxes)) {
			u := sandboxes[i].Usage()
			u.Wall = 0
			usages = append(usages, u)
			_ = sandboxes[i].Close()
		}
		if held := outer.Memory().Current() + inner.Memory().Current(); held != 0 {
			t.Errorf("seed %d: %d bytes held by nobody", seed, held)
		}
		return usages, errs
	}
	refused := 0
	for seed := range uint64(20) {
		first, errs := run(seed)
		again, _ := run(seed)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("seed %d: not the same again\n%s", seed, diff)
		}
		refused += errs
	}
	if refused == 0 {
		t.Error("nothing was ever refused")
	}
}

// A sandbox in a host function of another one, with a common budget.
func TestBudgetOfMemoryNested(t *testing.T) {
	const most = 2 << 20
	budget := limits.NewMeter(limits.Limits{Memory: most, Instructions: limits.Unlimited}, nil)
	inner := hoarders(t, 1, budget, limits.Limits{})[0]
	grant := luasandbox.NewGrant("", "", luasandbox.Func("inner", func(_ context.Context, path string, n int) error {
		if _, err := inner.Call(context.Background(), path, n); err != nil {
			return luasandbox.Errorf("%v", err)
		}
		if held := budget.Memory().Current(); held > most+most/4 {
			return fmt.Errorf("%d bytes held", held)
		}
		return nil
	}))
	outer := newSandbox(t, luasandbox.Config{Budget: budget, Grants: []*luasandbox.Grant{grant}}, hoarder+`
		function run()
			local fits = {}
			for i = 1, 20 do
				waste(50)
				fits[i] = pcall(inner, "waste", 50)
				keep(3)
				pcall(inner, "keep", 3)
				if not fits[i] then error("garbage was not let go of") end
			end
		end`)
	if _, err := outer.Call(context.Background(), "run"); err != nil {
		t.Fatal(err)
	}
	if held, sum := budget.Memory().Current(), live(t, []*luasandbox.Sandbox{outer, inner}); sum > held || held > most+most/4 {
		t.Errorf("%d bytes live, the budget says %d", sum, held)
	}
}
