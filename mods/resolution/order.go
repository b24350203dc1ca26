package resolution

import (
	"container/heap"
	"slices"
)

// graph is what has to be, and what is wished to be, before what. Nodes are numbers
// in the order of the ids. What has to be is free of circles.
type graph struct {
	needs, wishes   [][]int // of a node: what comes before it
	neededBy, after [][]int // of a node: what comes after it
}

func newGraph(n int) *graph {
	return &graph{needs: make([][]int, n), wishes: make([][]int, n), neededBy: make([][]int, n), after: make([][]int, n)}
}

func (g *graph) need(node, before int) { g.needs[node] = append(g.needs[node], before) }
func (g *graph) wish(node, before int) { g.wishes[node] = append(g.wishes[node], before) }

// maxCircleWork is how many edges are looked at to break circles with as few wishes
// lost as possible; beyond it, all wishes within a circle are dropped.
const maxCircleWork = 5_000_000

// order returns the nodes such that each comes after all that it needs and, unless
// that closes a circle, all that it wishes for; otherwise by their numbers.
func (g *graph) order() []int {
	g.breakCircles()
	waits := make([]int, len(g.needs))
	for node := range g.needs {
		for _, before := range g.needs[node] {
			g.neededBy[before] = append(g.neededBy[before], node)
		}
		for _, before := range g.wishes[node] {
			g.after[before] = append(g.after[before], node)
		}
		waits[node] = len(g.needs[node]) + len(g.wishes[node])
	}
	var ready intHeap
	for node, n := range waits {
		if n == 0 {
			heap.Push(&ready, node)
		}
	}
	out := make([]int, 0, len(waits))
	for ready.Len() > 0 {
		node := heap.Pop(&ready).(int)
		out = append(out, node)
		for _, list := range [][]int{g.neededBy[node], g.after[node]} {
			for _, next := range list {
				if waits[next]--; waits[next] == 0 {
					heap.Push(&ready, next)
				}
			}
		}
	}
	return out
}

// breakCircles drops wishes until there are no circles. Of each set of nodes that all
// come before each other, the first one that needs none of the others goes first, and
// its wishes for the others are dropped.
func (g *graph) breakCircles() {
	everything := make([]int, len(g.needs))
	for i := range everything {
		everything[i] = i
	}
	work := maxCircleWork
	circles := g.circles(everything, &work)
	inside := make([]bool, len(g.needs))
	for len(circles) > 0 {
		circle := circles[len(circles)-1]
		circles = circles[:len(circles)-1]
		for _, node := range circle {
			inside[node] = true
		}
		isInside := func(other int) bool { return inside[other] }
		first := slices.IndexFunc(circle, func(node int) bool { return !slices.ContainsFunc(g.needs[node], isInside) })
		if work < 0 {
			for _, node := range circle {
				g.wishes[node] = slices.DeleteFunc(g.wishes[node], isInside)
			}
		} else if first >= 0 {
			node := circle[first]
			g.wishes[node] = slices.DeleteFunc(g.wishes[node], isInside)
		}
		for _, node := range circle {
			inside[node] = false
		}
		if work >= 0 && first >= 0 {
			circles = append(circles, g.circles(circle, &work)...)
		}
	}
}

// circles returns the sets of at least two of the nodes that all come before each
// other: the strongly connected components of the graph of these nodes, each sorted.
// It is Tarjan's algorithm, without recursion.
func (g *graph) circles(nodes []int, work *int) [][]int {
	type frame struct{ node, edge int }
	// For each of the nodes: when it was seen, from 1, and the earliest that it leads to.
	seen, low := make(map[int]int, len(nodes)), make(map[int]int, len(nodes))
	member, open := make(map[int]bool, len(nodes)), make(map[int]bool, len(nodes))
	for _, node := range nodes {
		member[node] = true
	}
	edge := func(node, i int) (int, bool) {
		if i < len(g.needs[node]) {
			return g.needs[node][i], true
		}
		if i -= len(g.needs[node]); i < len(g.wishes[node]) {
			return g.wishes[node][i], true
		}
		return 0, false
	}
	var found [][]int
	var stack []int
	var path []frame
	visit := func(node int) {
		seen[node] = len(seen) + 1
		low[node] = seen[node]
		open[node] = true
		stack = append(stack, node)
		path = append(path, frame{node: node})
	}
	for _, start := range nodes {
		if seen[start] == 0 {
			visit(start)
		}
		for len(path) > 0 {
			top := &path[len(path)-1]
			next, more := edge(top.node, top.edge)
			*work--
			if more {
				top.edge++
				switch {
				case !member[next]:
				case seen[next] == 0:
					visit(next)
				case open[next]:
					low[top.node] = min(low[top.node], seen[next])
				}
				continue
			}
			node := top.node
			path = path[:len(path)-1]
			if len(path) > 0 {
				below := path[len(path)-1].node
				low[below] = min(low[below], low[node])
			}
			if low[node] != seen[node] {
				continue
			}
			at := len(stack) - 1
			for stack[at] != node {
				at--
			}
			component := slices.Clone(stack[at:])
			stack = stack[:at]
			for _, n := range component {
				open[n] = false
			}
			if len(component) > 1 {
				slices.Sort(component)
				found = append(found, component)
			}
		}
	}
	return found
}

// circle returns some nodes each of which needs the next, and the last the first; nil
// if there is no such circle. It looks at every edge at most once.
func (g *graph) circle() []int {
	const (
		unseen = iota
		onPath
		done
	)
	state := make([]int, len(g.needs))
	edge := make([]int, len(g.needs))
	for start := range g.needs {
		path := []int{start}
		for len(path) > 0 && state[start] != done {
			node := path[len(path)-1]
			state[node] = onPath
			if edge[node] == len(g.needs[node]) {
				state[node] = done
				path = path[:len(path)-1]
				continue
			}
			next := g.needs[node][edge[node]]
			edge[node]++
			switch state[next] {
			case onPath:
				return path[slices.Index(path, next):]
			case unseen:
				path = append(path, next)
			}
		}
	}
	return nil
}
