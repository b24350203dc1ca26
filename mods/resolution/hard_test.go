package resolution_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/resolution"
)

func exactly(id string, major int) manifest.Requirement {
	text := fmt.Sprintf("=%d.0.0", major)
	c, err := semver.NewConstraint(text)
	if err != nil {
		panic(err)
	}
	return manifest.Requirement{ID: id, Range: manifest.Range{Text: text, Constraints: c}}
}

func anyOf(id string) manifest.Requirement {
	c, err := semver.NewConstraint("*")
	if err != nil {
		panic(err)
	}
	return manifest.Requirement{ID: id, Range: manifest.Range{Text: "*", Constraints: c}}
}

func major(n int) resolution.Candidate {
	return resolution.Candidate{Version: semver.New(uint64(n), 0, 0, "", "")}
}

// pigeons cannot be resolved, and every proof by resolution is exponential in the
// number of holes: each mod is a pigeon, its version its hole, and no two of them
// are to have the same.
func pigeons(holes int) (resolution.Set, resolution.Request) {
	u, request := resolution.Set{}, resolution.Request{}
	id := func(i int) string { return fmt.Sprintf("pigeon%02d", i) }
	for i := range holes + 1 {
		for hole := 1; hole <= holes; hole++ {
			c := major(hole)
			for j := range holes + 1 {
				if j != i {
					c.Conflicts = append(c.Conflicts, exactly(id(j), hole))
				}
			}
			u[id(i)] = append(u[id(i)], c)
		}
		request.Roots = append(request.Roots, anyOf(id(i)))
	}
	return u, request
}

// clauses is a random formula with three variables in a clause: each clause is a mod,
// the versions of which need one of its variables in one of two versions.
func clauses(variables int, ratio float64, seed uint64) (resolution.Set, resolution.Request) {
	r := rand.New(rand.NewPCG(seed, 1))
	u, request := resolution.Set{}, resolution.Request{}
	for i := range variables {
		u[fmt.Sprintf("variable%04d", i)] = []resolution.Candidate{major(1), major(2)}
	}
	for i := range int(float64(variables) * ratio) {
		id := fmt.Sprintf("clause%04d", i)
		for j := 1; j <= 3; j++ {
			c := major(j)
			c.Dependencies = []manifest.Requirement{exactly(fmt.Sprintf("variable%04d", r.IntN(variables)), 1+r.IntN(2))}
			u[id] = append(u[id], c)
		}
		request.Roots = append(request.Roots, anyOf(id))
	}
	return u, request
}

// layers is a large universe that is easy: every mod needs some of the layer below.
func layers(ids, versions, needs int) (resolution.Set, resolution.Request) {
	r := rand.New(rand.NewPCG(1, 1))
	u, request := resolution.Set{}, resolution.Request{}
	const layer = 100
	for i := range ids {
		id := fmt.Sprintf("m%05d", i)
		for v := 1; v <= versions; v++ {
			c := major(v)
			if below := i - i%layer; below > 0 {
				for range needs {
					c.Dependencies = append(c.Dependencies, anyOf(fmt.Sprintf("m%05d", below-1-r.IntN(layer))))
				}
			}
			u[id] = append(u[id], c)
		}
		request.Roots = append(request.Roots, anyOf(id))
	}
	return u, request
}

// longRanges has mods that need each other in as many ranges as there are versions, each
// of many parts.
func longRanges(ids, versions int) (resolution.Set, resolution.Request) {
	u, request := resolution.Set{}, resolution.Request{}
	for i := range ids {
		id := fmt.Sprintf("m%03d", i)
		for v := 1; v <= versions; v++ {
			text := fmt.Sprintf("=%d.0.0", v)
			for k := range 12 {
				text += fmt.Sprintf("||%d", 9_000+v%50+k)
			}
			c := major(v)
			constraints, err := semver.NewConstraint(text)
			if err != nil {
				panic(err)
			}
			for j := range ids {
				if j != i {
					c.Dependencies = append(c.Dependencies, manifest.Requirement{ID: fmt.Sprintf("m%03d", j), Range: manifest.Range{Text: text, Constraints: constraints}})
				}
			}
			u[id] = append(u[id], c)
		}
		request.Roots = append(request.Roots, anyOf(id))
	}
	return u, request
}

func TestSearchIsBounded(t *testing.T) {
	u, request := pigeons(14)
	request.Limits.Steps = 500_000
	_, err := resolution.Resolve(request, u)
	limit, ok := errors.AsType[*resolution.LimitError](err)
	if !ok || limit.What != "steps" || limit.Max != 500_000 {
		t.Fatalf("%v", err)
	}
	u, request = pigeons(3) // the control: a small one has an answer
	if _, err := resolution.Resolve(request, u); err == nil || !errors.As(err, new(*resolution.ConflictError)) {
		t.Errorf("%v", err)
	}
}

// TestLargeUniverse: ten thousand mods of which each needs five others fit into the
// default limits by far.
func TestLargeUniverse(t *testing.T) {
	ids := 10_000
	if testing.Short() {
		ids = 1000
	}
	u, request := layers(ids, 3, 5)
	request.Limits.Steps = resolution.DefaultSteps / 2
	r, err := resolution.Resolve(request, u)
	if err != nil || len(r.Mods) != ids {
		t.Fatal(err)
	}
}

// TestLongChain: what needs what is not followed by recursion.
func TestLongChain(t *testing.T) {
	u := resolution.Set{}
	const n = 10_000
	id := func(i int) string { return fmt.Sprintf("m%05d", i) }
	for i := range n {
		c := major(1)
		if i+1 < n {
			c.Dependencies = []manifest.Requirement{anyOf(id(i + 1))}
		}
		u[id(i)] = []resolution.Candidate{c}
	}
	r, err := resolution.Resolve(resolution.Request{Roots: []manifest.Requirement{anyOf(id(0))}}, u)
	if err != nil || len(r.Mods) != n || r.Mods[0].ID != id(n-1) {
		t.Fatalf("%v", err)
	}
	last := major(1)
	last.Dependencies = []manifest.Requirement{anyOf(id(0))}
	u[id(500)] = []resolution.Candidate{last}
	_, err = resolution.Resolve(resolution.Request{Roots: []manifest.Requirement{anyOf(id(0))}}, u)
	conflict, ok := errors.AsType[*resolution.ConflictError](err)
	if !ok || len(conflict.Facts) == 0 || conflict.Omitted == 0 {
		t.Errorf("a circle of all: %T", err)
	}
}

// TestOneLargeCircleOfWishes: all mods wish for all of their neighbours.
func TestOneLargeCircleOfWishes(t *testing.T) {
	u, request := resolution.Set{}, resolution.Request{}
	const n, wishes = 1000, 30
	for i := range n {
		c := major(1)
		for j := 1; j <= wishes; j++ {
			c.LoadAfter = append(c.LoadAfter, anyOf(fmt.Sprintf("m%05d", (i+j*j)%n)))
		}
		id := fmt.Sprintf("m%05d", i)
		u[id] = []resolution.Candidate{c}
		request.Roots = append(request.Roots, anyOf(id))
	}
	r, err := resolution.Resolve(request, u)
	if err != nil || len(r.Mods) != n {
		t.Fatal(err)
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, bench := range []struct {
		name string
		make func() (resolution.Set, resolution.Request)
	}{
		{"pigeons_6", func() (resolution.Set, resolution.Request) { return pigeons(6) }},
		{"pigeons_14", func() (resolution.Set, resolution.Request) { return pigeons(14) }},
		{"pigeons_40", func() (resolution.Set, resolution.Request) { return pigeons(40) }},
		{"clauses_100", func() (resolution.Set, resolution.Request) { return clauses(100, 4.3, 1) }},
		{"clauses_400", func() (resolution.Set, resolution.Request) { return clauses(400, 4.3, 1) }},
		{"clauses_2000", func() (resolution.Set, resolution.Request) { return clauses(2000, 4.3, 1) }},
		{"layers_10000", func() (resolution.Set, resolution.Request) { return layers(10_000, 3, 5) }},
		{"layers_1000x100", func() (resolution.Set, resolution.Request) { return layers(1000, 100, 5) }},
		{"ranges_20x300", func() (resolution.Set, resolution.Request) { return longRanges(20, 300) }},
		{"versions_2000", func() (resolution.Set, resolution.Request) { return layers(200, 2000, 20) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			u, request := bench.make()
			b.ReportAllocs()
			for b.Loop() {
				_, err := resolution.Resolve(request, u)
				b.Logf("%.100v", err)
			}
		})
	}
}
