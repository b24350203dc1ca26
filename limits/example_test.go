package limits_test

import (
	"errors"
	"fmt"

	"github.com/luasandbox/modrunner/limits"
)

// What a mod asks for, tightened by what the host allows.
func ExampleIntersect() {
	host := limits.Limits{Memory: 32 << 20}
	mod := limits.Limits{Memory: 128 << 20, Instructions: 5_000_000}

	l := limits.Intersect(host, mod)
	fmt.Println(limits.FormatSize(l.Memory), l.Instructions, l.Time)
	// Output: 32MiB 5000000 10s
}

func ExampleLimits_Validate() {
	err := limits.Limits{Depth: -1}.Validate()
	var field *limits.FieldError
	fmt.Println(errors.As(err, &field), field.Kind)
	fmt.Println(err)
	// Output:
	// true depth
	// limit depth is -1: want a positive value, 0 for the default (20000) or limits.Unlimited for no limit
}

func ExampleParseSize() {
	n, err := limits.ParseSize("1.5GiB")
	fmt.Println(n, err)
	_, err = limits.ParseSize("16M")
	fmt.Println(err)
	// Output:
	// 1610612736 <nil>
	// size "16M", at byte 2: want a whole number of bytes, or a number with B, kB, MB, GB (powers of 1000), KiB, MiB or GiB (powers of 1024), such as "64MiB"
}

// Two mods share the budget of a tick; each has its own as well.
func ExampleBudget_Charge() {
	tick := limits.NewBudget(limits.Instructions, 100, nil)
	greedy := limits.NewBudget(limits.Instructions, 80, tick)
	modest := limits.NewBudget(limits.Instructions, 80, tick)

	fmt.Println(greedy.Charge(80))
	fmt.Println(greedy.Charge(1))
	fmt.Println(modest.Charge(20))
	fmt.Println(modest.Charge(1))
	// Output:
	// <nil>
	// instruction limit exceeded: 80 of 80 used, 1 more needed
	// <nil>
	// instruction limit exceeded: 100 of 100 used, 1 more needed
}

// A hot loop borrows a slice, counts it down itself and returns the rest.
func ExampleBudget_Borrow() {
	budget := limits.NewBudget(limits.Instructions, 1000, nil)
	steps := 0
	for {
		fuel := budget.Borrow(64)
		if fuel == 0 {
			break
		}
		for ; fuel > 0; fuel-- {
			steps++
		}
		budget.Return(fuel) // what is left, had the loop ended early
	}
	fmt.Println(steps, budget.Trip())
	// Output: 1000 instruction limit exceeded: 1000 of 1000 used
}

func ExampleBudget_Mark() {
	budget := limits.NewBudget(limits.Output, 100, nil)
	budget.Mark(80, func(u limits.Use) { fmt.Printf("warning: %d of %d %s\n", u.Current, u.Max, u.Kind) })
	for range 9 {
		if err := budget.Charge(10); err != nil {
			fmt.Println(err)
		}
	}
	// Output: warning: 80 of 100 output
}

func ExampleMeter() {
	meter := limits.NewMeter(limits.Limits{Memory: 1 << 20}, nil)
	meter.BeginCall()

	err := meter.Memory().Add(limits.MulAdd(1<<20, limits.ValueBytes, limits.TableHeader))
	fmt.Println(errors.Is(err, limits.ErrExceeded), err)
	fmt.Println(meter.Snapshot().Memory.Current)
	// Output:
	// true memory limit exceeded: 16 MiB needed, at most 1 MiB allowed
	// 0
}
