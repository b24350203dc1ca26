package resolution

import (
	"maps"
	"slices"
)

// openCircle looks for a circle among what was chosen, and states that it cannot be:
// the search then goes on.
func (p *problem) openCircle(chosen map[int]int) (bool, error) {
	numbers := slices.Sorted(maps.Keys(chosen))
	place := make(map[int]int, len(numbers))
	for i, number := range numbers {
		place[number] = i
	}
	needs := p.sections()[0].of
	g := newGraph(len(numbers))
	edges := 0
	for i, number := range numbers {
		for _, need := range needs(p.all[number][chosen[number]-1]) {
			g.need(i, place[p.numbers[need.ID]])
			edges++
		}
	}
	if err := p.steps.spend(len(numbers) + edges); err != nil {
		return false, err
	}
	circle := g.circle()
	if circle == nil {
		return false, nil
	}
	f := &fact{kind: Circle}
	var terms []term
	for i, node := range circle {
		number, next := numbers[node], numbers[circle[(i+1)%len(circle)]]
		// Every version that needs the next one would close the same circle.
		of := noValues(1 + len(p.all[number]))
		for j, c := range p.all[number] {
			if namesID(needs(c), p.ids[next]) {
				of.add(j + 1)
			}
		}
		if err := p.steps.spend(1 + len(p.all[number])); err != nil {
			return false, err
		}
		f.circle = append(f.circle, number)
		terms = append(terms, term{number, of})
	}
	p.state(f, terms...)
	return true, nil
}
