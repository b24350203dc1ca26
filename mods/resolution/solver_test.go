package resolution

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// drawClauses draws clauses of the shapes that facts have: one term, or two of which
// one wants its variable to be there, or several that all do.
func drawClauses(t *rapid.T, sizes []int) []*fact {
	variable := rapid.IntRange(0, len(sizes)-1)
	of := func(number int, absentToo bool) term {
		in := noValues(sizes[number])
		for i := range sizes[number] {
			if (i != absent || absentToo) && rapid.Bool().Draw(t, "in") {
				in.add(i)
			}
		}
		return term{number, in}
	}
	var facts []*fact
	for range rapid.IntRange(1, 14).Draw(t, "clauses") {
		f := &fact{}
		switch rapid.IntRange(0, 3).Draw(t, "shape") {
		case 0:
			f.terms = []term{of(variable.Draw(t, "a"), true)}
		case 1, 2:
			f.terms = []term{of(variable.Draw(t, "a"), false), of(variable.Draw(t, "b"), true)}
		case 3:
			for range 3 {
				f.terms = append(f.terms, of(variable.Draw(t, "c"), false))
			}
		}
		facts = append(facts, f)
	}
	return facts
}

// canBe tries all values.
func canBe(sizes []int, facts []*fact) bool {
	value := make([]int, len(sizes))
	var try func(int) bool
	try = func(i int) bool {
		if i < len(sizes) {
			for value[i] = 0; value[i] < sizes[i]; value[i]++ {
				if try(i + 1) {
					return true
				}
			}
			return false
		}
		for _, f := range facts {
			all := true
			for _, t := range f.terms {
				all = all && t.in.has(value[t.variable])
			}
			if all {
				return false
			}
		}
		return true
	}
	return try(0)
}

// TestSolverAgreesWithBruteForce, on clauses without a meaning; and the facts that it
// names as a reason are one, and none of them can be left out.
func TestSolverAgreesWithBruteForce(t *testing.T) {
	answers := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, 4), 1, 5).Draw(t, "sizes")
		p := newProblem(nil, &steps{left: DefaultSteps}, Request{}, nil, nil)
		for range sizes {
			p.ids, p.all = append(p.ids, ""), append(p.all, nil)
		}
		for _, size := range sizes {
			p.newVariable(size)
		}
		facts := drawClauses(t, sizes)
		for _, f := range facts {
			p.state(f, f.terms...)
		}
		var err error
		for err == nil {
			if err = p.propagate(); err != nil {
				break
			}
			number := p.undecided()
			if number < 0 {
				break
			}
			p.decide(number, p.variables[number].now.next(1))
		}
		u, no := errors.AsType[*unsolvable](err)
		can := canBe(sizes, facts)
		answers[can]++
		if can == no {
			t.Fatalf("can be: %v, and the answer is %v", can, err)
		}
		if !no {
			return
		}
		core := p.minimize(leaves(u.clause))
		if canBe(sizes, core) {
			t.Fatal("the facts that are named can all be met")
		}
		for i := range core {
			fewer := append(append([]*fact{}, core[:i]...), core[i+1:]...)
			if !canBe(sizes, fewer) {
				t.Fatalf("fact %d of %d could be left out", i, len(core))
			}
		}
	})
	if answers[true] == 0 || answers[false] == 0 {
		t.Errorf("one kind of answer only: %v", answers)
	}
}

func TestValues(t *testing.T) {
	for _, size := range []int{1, 2, 63, 64, 65, 130} {
		all := allValues(size)
		n := 0
		for i := all.next(0); i >= 0; i = all.next(i + 1) {
			if i != n || !all.has(i) {
				t.Fatalf("size %d: %d after %d", size, i, n)
			}
			n++
		}
		last := noValues(size)
		if last.add(size - 1); n != size || last.next(0) != size-1 || !all.without(last).or(last).within(all) || last.meets(all.without(last)) || !noValues(size).empty() {
			t.Errorf("size %d", size)
		}
	}
}
