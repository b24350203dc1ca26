package mods

import (
	"container/heap"
	"fmt"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/mods/manifest"
)

// resolve decides which of the accepted mods can run together and in which
// order they are loaded: a mod after all those that it needs, otherwise by id.
// The others are refused, with the reason in the map.
//
// An optional dependency that is there has to be there in the right version. It
// is loaded first, unless that would close a circle; so is what load_after names, in
// those versions. Conflicts are with mods
// that were accepted, even if those are refused here.
func resolve(accepted []*manifest.Manifest) (order []*manifest.Manifest, refused map[string]*DependencyError) {
	r := &resolver{there: map[string]*manifest.Manifest{}, refused: map[string]*DependencyError{}}
	sorted := slices.Clone(accepted)
	slices.SortFunc(sorted, func(a, b *manifest.Manifest) int { return strings.Compare(a.ID, b.ID) })
	for _, man := range sorted {
		r.there[man.ID] = man
	}
	for _, man := range sorted {
		r.compare(man)
	}
	r.spread(sorted)
	for {
		order = r.sort(sorted)
		if len(order)+len(r.refused) == len(sorted) {
			return order, r.refused
		}
		r.refuseCycle(sorted, order)
		r.spread(sorted)
	}
}

type resolver struct {
	there   map[string]*manifest.Manifest
	refused map[string]*DependencyError
}

// refuse refuses a mod, if it is not refused already.
func (r *resolver) refuse(man *manifest.Manifest, section string, need manifest.Requirement, reason DependencyReason, message string) *DependencyError {
	if r.refused[man.ID] != nil {
		return nil
	}
	e := &DependencyError{Mod: man.ID, On: need.ID, Reason: reason, Want: need.Range.Text}
	if other := r.there[need.ID]; other != nil {
		e.Have = other.Version.String()
	}
	e.Err = man.Problem(message, section, need.ID)
	r.refused[man.ID] = e
	return e
}

// compare checks what man says about others against which mods there are.
func (r *resolver) compare(man *manifest.Manifest) {
	for _, need := range man.Dependencies {
		if other := r.there[need.ID]; other == nil {
			e := r.refuse(man, "dependencies", need, DependencyMissing,
				fmt.Sprintf("the mod %q is not there; version %s is needed", need.ID, need.Range.Text))
			if e != nil {
				e.Err.Suggestion = manifest.Nearest(need.ID, sortedNames(r.there))
			}
		} else if !need.Range.Contains(other.Version) {
			r.refuse(man, "dependencies", need, DependencyVersion,
				fmt.Sprintf("the mod %q is there in version %s; %s is needed", need.ID, other.Version, need.Range.Text))
		}
	}
	for _, need := range man.OptionalDependencies {
		if other := r.there[need.ID]; other != nil && !need.Range.Contains(other.Version) {
			r.refuse(man, "optional_dependencies", need, DependencyVersion,
				fmt.Sprintf("the mod %q is there in version %s; if it is there, %s is needed", need.ID, other.Version, need.Range.Text))
		}
	}
	for _, not := range man.Conflicts {
		if other := r.there[not.ID]; other != nil && not.Range.Contains(other.Version) {
			r.refuse(man, "conflicts", not, DependencyConflict,
				fmt.Sprintf("it cannot run beside the mod %q of version %s", not.ID, other.Version))
		}
	}
}

// spread refuses those that need a refused mod, and those that need them.
func (r *resolver) spread(sorted []*manifest.Manifest) {
	for changed := true; changed; {
		changed = false
		for _, man := range sorted {
			if r.refused[man.ID] != nil {
				continue
			}
			for _, need := range man.Dependencies {
				if r.refused[need.ID] != nil {
					r.refuse(man, "dependencies", need, DependencyRefused,
						fmt.Sprintf("the mod %q is needed, and was refused itself", need.ID))
					changed = true
					break
				}
			}
		}
	}
}

// sort puts the mods in order, and leaves out those in a circle and those that
// need them. It takes time in proportion to the mods and their requirements.
func (r *resolver) sort(sorted []*manifest.Manifest) []*manifest.Manifest {
	type node struct {
		rank           int // in sorted
		needs, wishes  int // that are not in the order yet
		neededBy, wish []*node
		done           bool
	}
	nodes := make(map[string]*node, len(sorted))
	all := make([]node, len(sorted))
	for i, man := range sorted {
		if r.refused[man.ID] == nil {
			all[i].rank = i
			nodes[man.ID] = &all[i]
		}
	}
	var ready, half rankHeap // all that is needed is there; and all that is wished for
	put := func(n *node) {
		switch {
		case n.needs > 0:
		case n.wishes > 0:
			heap.Push(&half, n.rank)
		default:
			heap.Push(&ready, n.rank)
		}
	}
	for i, man := range sorted {
		n := &all[i]
		if nodes[man.ID] != n {
			n.done = true
			continue
		}
		for _, need := range man.Dependencies {
			if other := nodes[need.ID]; other != nil {
				n.needs++
				other.neededBy = append(other.neededBy, n)
			}
		}
		for _, need := range man.OptionalDependencies {
			if other := nodes[need.ID]; other != nil {
				n.wishes++
				other.wish = append(other.wish, n)
			}
		}
		for _, after := range man.LoadAfter {
			if other := nodes[after.ID]; other != nil && after.Range.Contains(r.there[after.ID].Version) {
				n.wishes++
				other.wish = append(other.wish, n)
			}
		}
	}
	for i := range all {
		if !all[i].done {
			put(&all[i])
		}
	}
	var order []*manifest.Manifest
	for len(ready) > 0 || len(half) > 0 {
		from := &ready
		if len(ready) == 0 {
			from = &half
		}
		n := &all[heap.Pop(from).(int)]
		if n.done { // it was in both
			continue
		}
		n.done = true
		order = append(order, sorted[n.rank])
		for _, other := range n.neededBy {
			if other.needs--; other.needs == 0 {
				put(other)
			}
		}
		for _, other := range n.wish {
			if other.wishes--; other.wishes == 0 && other.needs == 0 && !other.done {
				put(other)
			}
		}
	}
	return order
}

// rankHeap is a heap of places in a list, the smallest on top.
type rankHeap []int

func (h rankHeap) Len() int           { return len(h) }
func (h rankHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h rankHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *rankHeap) Push(x any)        { *h = append(*h, x.(int)) }
func (h *rankHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// refuseCycle finds a circle among the mods that are left, and refuses its
// members.
func (r *resolver) refuseCycle(sorted, order []*manifest.Manifest) {
	left := func(id string) bool {
		return r.there[id] != nil && r.refused[id] == nil &&
			!slices.ContainsFunc(order, func(man *manifest.Manifest) bool { return man.ID == id })
	}
	var at string
	for _, man := range sorted {
		if left(man.ID) {
			at = man.ID
			break
		}
	}
	// Every mod that is left needs another one that is left: following these
	// leads into a circle.
	var path []string
	for !slices.Contains(path, at) {
		path = append(path, at)
		for _, need := range r.there[at].Dependencies {
			if left(need.ID) {
				at = need.ID
				break
			}
		}
	}
	circle := path[slices.Index(path, at):]
	for i, id := range circle {
		cycle := append(slices.Clone(circle[i:]), circle[:i]...)
		cycle = append(cycle, id)
		man := r.there[id]
		for _, need := range man.Dependencies {
			if need.ID == cycle[1] {
				e := r.refuse(man, "dependencies", need, DependencyCycle,
					"mods need each other in a circle: "+cycleText(cycle))
				e.Cycle = cycle
			}
		}
	}
}
