package mods

import (
	"container/heap"
	"time"
)

// checkQueue holds the mods whose health changes with time alone, the next first.
type checkQueue struct{ mods []*Mod }

func (q *checkQueue) Len() int { return len(q.mods) }
func (q *checkQueue) Less(i, j int) bool {
	a, b := q.mods[i], q.mods[j]
	return a.nextCheck < b.nextCheck || a.nextCheck == b.nextCheck && a.number < b.number
}
func (q *checkQueue) Swap(i, j int) { q.mods[i], q.mods[j] = q.mods[j], q.mods[i] }
func (q *checkQueue) Push(m any)    { q.mods = append(q.mods, m.(*Mod)) }
func (q *checkQueue) Pop() any {
	last := len(q.mods) - 1
	m := q.mods[last]
	q.mods[last] = nil
	q.mods = q.mods[:last]
	return m
}

// add lists a mod. One that is listed for an earlier time stays there.
func (q *checkQueue) add(m *Mod, at time.Duration) {
	switch {
	case !m.listed:
		m.listed, m.nextCheck = true, at
		heap.Push(q, m)
	case at < m.nextCheck:
		m.nextCheck = at
		heap.Init(q) // seldom
	}
}

// due takes the next mod from the list whose time has come; nil if there is none.
func (q *checkQueue) due(now time.Duration) *Mod {
	if len(q.mods) == 0 || q.mods[0].nextCheck > now {
		return nil
	}
	m := heap.Pop(q).(*Mod)
	m.listed = false
	return m
}
