package resolution

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/mods/manifest"
)

// Result is a choice of versions.
type Result struct {
	Mods []Mod // in the order in which they are loaded
}

// Mod is a version that was chosen.
type Mod struct {
	ID      string
	Version string // as [semver.Version.String] writes it
	Asked   bool   // it is one of the roots
	// Dependencies are those that it needs, and Optional those that it can do without
	// and that are there; sorted by id.
	Dependencies, Optional []Pin
	Libraries              []Library // sorted by id
}

// Pin is an id in one version.
type Pin struct{ ID, Version string }

// Library is a library that is copied into a mod.
type Library struct {
	ID, Version string
	Libraries   []string // the ids that it names itself, sorted
}

// Mod returns the mod with that id.
func (r *Result) Mod(id string) (Mod, bool) {
	i := slices.IndexFunc(r.Mods, func(m Mod) bool { return m.ID == id })
	if i < 0 {
		return Mod{}, false
	}
	return r.Mods[i], true
}

// Resolve chooses. The errors: [*ConflictError] if there is no choice that satisfies
// all requirements; [*LimitError]; [*UniverseError].
func Resolve(request Request, universe Universe) (*Result, error) {
	l := request.Limits
	l.Steps, l.IDs, l.Versions = cmp.Or(l.Steps, DefaultSteps), cmp.Or(l.IDs, DefaultIDs), cmp.Or(l.Versions, DefaultVersions)
	load := &loader{universe: universe, limits: l, loaded: map[string][]*candidate{}}
	budget := &steps{left: l.Steps, max: l.Steps}
	update := map[string]bool{}
	for _, id := range request.Update {
		update[id] = true
	}
	keep := func(id string) string {
		if request.UpdateAll || update[id] {
			return ""
		}
		return request.Locked[id].Version
	}
	p := newProblem(load, budget, request, keep, func(id string) string { return request.Locked[id].Version })
	p.librariesOf = func(id string, c *candidate) error { return p.resolveLibraries(id, c, update[id]) }
	chosen, err := p.solve(request.Roots)
	if err != nil {
		return nil, err
	}
	return p.result(chosen), nil
}

// result puts together what was chosen.
func (p *problem) result(chosen map[int]int) *Result {
	asked := map[string]bool{}
	for _, root := range p.request.Roots {
		asked[root.ID] = true
	}
	numbers := slices.SortedFunc(maps.Keys(chosen), func(a, b int) int { return strings.Compare(p.ids[a], p.ids[b]) })
	place := map[string]int{}
	for i, number := range numbers {
		place[p.ids[number]] = i
	}
	mods := make([]Mod, len(numbers))
	g := newGraph(len(numbers))
	for i, number := range numbers {
		c := p.all[number][chosen[number]-1]
		m := &mods[i]
		*m = Mod{ID: p.ids[number], Version: c.version, Asked: asked[p.ids[number]], Libraries: c.libraries}
		there := func(need manifest.Requirement) (int, Pin, bool) {
			other, ok := place[need.ID]
			if !ok || other == i {
				return 0, Pin{}, false
			}
			v := p.all[numbers[other]][chosen[numbers[other]]-1]
			return other, Pin{need.ID, v.version}, need.Range.Contains(v.Version)
		}
		for _, need := range c.Dependencies {
			if other, pin, ok := there(need); ok {
				m.Dependencies = append(m.Dependencies, pin)
				g.need(i, other)
			}
		}
		for _, need := range c.Optional {
			if other, pin, ok := there(need); ok {
				m.Optional = append(m.Optional, pin)
				g.wish(i, other)
			}
		}
		for _, after := range c.LoadAfter {
			if other, _, ok := there(after); ok {
				g.wish(i, other)
			}
		}
		m.Dependencies, m.Optional = slices.Compact(m.Dependencies), slices.Compact(m.Optional)
	}
	r := &Result{Mods: make([]Mod, 0, len(mods))}
	for _, i := range g.order() {
		r.Mods = append(r.Mods, mods[i])
	}
	return r
}

// problem is a search for one version of each of the ids that are needed: of the mods
// of a host, or of the libraries of one mod.
type problem struct {
	*solver
	load    *loader
	request Request
	keep    func(id string) string // the version that is preferred; "" for the newest
	locked  func(id string) string // the version that may be yanked
	// librariesOf finds the libraries of a mod; nil in a search for libraries.
	librariesOf func(id string, c *candidate) error

	ids     []string // of the variables
	numbers map[string]int
	all     [][]*candidate // by variable; value i is all[variable][i-1]
	stated  map[statement]bool
	ranges  map[rangeOf]values
	waiting map[string][]func(other int) error // what to do when an id gets a variable
}

// statement is a requirement that was made a clause: of a variable, as one of its
// versions has it.
type statement struct {
	variable int
	kind     Kind
	on, text string
}

type rangeOf struct {
	variable int
	text     string
}

func newProblem(load *loader, budget *steps, request Request, keep, locked func(string) string) *problem {
	return &problem{
		solver: &solver{steps: budget}, load: load, request: request, keep: keep, locked: locked,
		numbers: map[string]int{}, stated: map[statement]bool{}, ranges: map[rangeOf]values{}, waiting: map[string][]func(int) error{},
	}
}

// solve returns the value of each variable that is there.
func (p *problem) solve(roots []manifest.Requirement) (map[int]int, error) {
	for _, root := range sorted(roots) {
		number, err := p.variable(root.ID)
		if err != nil {
			return nil, err
		}
		in, err := p.inRange(number, root.Range)
		if err != nil {
			return nil, err
		}
		p.state(&fact{kind: Asked, other: number, text: root.Range.Text}, term{number, p.variables[number].all.without(in)})
	}
	for {
		if err := p.propagate(); err != nil {
			return nil, p.explain(err)
		}
		number := p.undecided()
		if number >= 0 {
			if err := p.choose(number); err != nil {
				return nil, err
			}
			continue
		}
		p.lookAgain()
		if err := p.propagate(); err != nil {
			return nil, p.explain(err)
		}
		if slices.ContainsFunc(p.variables, func(v variable) bool { return v.wanted() }) {
			p.requeue()
			continue
		}
		chosen := map[int]int{}
		for number := range p.variables {
			if v := &p.variables[number]; v.decided {
				chosen[number] = v.now.next(0)
			}
		}
		open, err := p.openCircle(chosen)
		if err != nil || !open {
			return chosen, err
		}
	}
}

// requeue has every variable that is wanted decided.
func (p *problem) requeue() {
	for number := range p.variables {
		p.enqueue(number)
	}
}

// variable returns the number of an id, which it gets when it is first named.
func (p *problem) variable(id string) (int, error) {
	if number, ok := p.numbers[id]; ok {
		return number, nil
	}
	all, err := p.load.candidates(id)
	if err != nil {
		return 0, err
	}
	number := p.newVariable(1 + len(all))
	p.numbers[id] = number
	p.ids, p.all = append(p.ids, id), append(p.all, all)
	if err := p.steps.spend(50 * (1 + len(all))); err != nil {
		return 0, err
	}
	for _, unfit := range []struct {
		kind Kind
		is   func(*candidate) bool
	}{
		{IsLibrary, func(c *candidate) bool { return p.librariesOf != nil && c.Library }},
		{NoLibrary, func(c *candidate) bool { return p.librariesOf == nil && !c.Library }},
		{Yanked, func(c *candidate) bool { return c.Yanked && c.version != p.locked(id) }},
		{OtherAPI, func(c *candidate) bool { return p.request.API != nil && !c.API.Contains(p.request.API) }},
	} {
		of := noValues(1 + len(all))
		for i, c := range all {
			if unfit.is(c) {
				of.add(i + 1)
			}
		}
		p.state(&fact{kind: unfit.kind, subject: number, of: of}, term{number, of})
	}
	for _, do := range p.waiting[id] {
		if err := do(number); err != nil {
			return 0, err
		}
	}
	delete(p.waiting, id)
	return number, nil
}

// state adds the clause that is a fact: not all of the terms at once.
func (p *problem) state(f *fact, terms ...term) {
	f.terms = slices.Clone(terms)
	if c := p.newClause(f, terms...); c != nil {
		p.add(c)
	}
}

// rangeWork is the price, in steps, of asking whether a version is in a short range. A
// long one has more parts to ask.
const rangeWork = 50

// inRange returns which versions of a variable are in a range.
func (p *problem) inRange(number int, r manifest.Range) (values, error) {
	key := rangeOf{number, r.Text}
	if in, ok := p.ranges[key]; ok {
		return in, nil
	}
	all := p.all[number]
	if err := p.steps.spend(rangeWork * (1 + len(all)) * (1 + len(r.Text)/8)); err != nil {
		return nil, err
	}
	in := noValues(1 + len(all))
	for i, c := range all {
		if r.Contains(c.Version) {
			in.add(i + 1)
		}
	}
	p.ranges[key] = in
	return in, nil
}

// choose decides for a version, unless what that version says is against it: then
// that is stated.
func (p *problem) choose(number int) error {
	now := p.variables[number].now
	if err := p.steps.spend(20 + 64*len(now)); err != nil {
		return err
	}
	value := p.preferred(number, now)
	id, c := p.ids[number], p.all[number][value-1]
	if p.librariesOf != nil {
		if err := p.librariesOf(id, c); isLimit(err) {
			return err
		} else if err != nil {
			p.stateLibraries(number, value, err)
			return nil
		}
	}
	before := len(p.fresh)
	if err := p.stateAll(number, c); err != nil {
		return err
	}
	for _, f := range p.fresh[before:] {
		if !slices.ContainsFunc(f.terms, func(t term) bool {
			return t.variable == number && !t.in.has(value) || t.variable != number && !p.variables[t.variable].now.within(t.in)
		}) {
			p.enqueue(number) // the decision would violate it
			return nil
		}
	}
	p.decide(number, value)
	return nil
}

// stateLibraries states that a version cannot have its libraries.
func (p *problem) stateLibraries(number, value int, err error) {
	p.enqueue(number)
	key := statement{number, ItsLibraries, "", p.all[number][value-1].version}
	if p.stated[key] {
		p.change(number) // what followed was forgotten
		return
	}
	p.stated[key] = true
	of := noValues(1 + len(p.all[number]))
	of.add(value)
	p.state(&fact{kind: ItsLibraries, subject: number, of: of, err: err}, term{number, of})
}

// preferred returns the version to try first: the locked one, or else the newest, and
// what was yanked last of all.
func (p *problem) preferred(number int, now values) int {
	keep := p.keep(p.ids[number])
	yanked := -1
	best := -1
	for i := now.next(1); i > 0; i = now.next(i + 1) {
		c := p.all[number][i-1]
		switch {
		case keep != "" && c.version == keep:
			return i
		case c.Yanked && yanked < 0:
			yanked = i
		case !c.Yanked && best < 0:
			best = i
			if keep == "" {
				return best
			}
		}
	}
	if best < 0 {
		return yanked
	}
	return best
}

// stateAll makes clauses of all that a version says. What other versions say word for
// word goes into the same clause, so that the search need not find it out for each.
func (p *problem) stateAll(number int, c *candidate) error {
	for _, section := range p.sections() {
		for _, need := range section.of(c) {
			key := statement{number, section.kind, need.ID, need.Range.Text}
			if p.stated[key] {
				continue
			}
			p.stated[key] = true
			if err := p.steps.spend(10 * (1 + len(p.all[number]))); err != nil {
				return err
			}
			of := noValues(1 + len(p.all[number]))
			for i, other := range p.all[number] {
				if names(section.of(other), need) {
					of.add(i + 1)
				}
			}
			if err := p.require(section.kind, number, of, need); err != nil {
				return err
			}
		}
	}
	return nil
}

// section is a list of requirements.
type section struct {
	kind Kind
	of   func(*candidate) []manifest.Requirement
}

func (p *problem) sections() []section {
	conflicts := section{Conflicts, func(c *candidate) []manifest.Requirement { return c.Conflicts }}
	if p.librariesOf == nil {
		return []section{{Needs, func(c *candidate) []manifest.Requirement { return c.Libraries }}, conflicts}
	}
	return []section{
		{Needs, func(c *candidate) []manifest.Requirement { return c.Dependencies }},
		{Optional, func(c *candidate) []manifest.Requirement { return c.Optional }},
		conflicts,
	}
}

// require states what some versions of a mod say about another one.
func (p *problem) require(kind Kind, number int, of values, need manifest.Requirement) error {
	if other, there := p.numbers[need.ID]; there {
		return p.against(kind, number, of, other, need)
	}
	if kind != Needs { // it may never be there
		p.waiting[need.ID] = append(p.waiting[need.ID], func(other int) error {
			return p.against(kind, number, of, other, need)
		})
		return nil
	}
	other, err := p.variable(need.ID)
	if err != nil {
		return err
	}
	return p.against(kind, number, of, other, need)
}

// against states a requirement for a variable.
func (p *problem) against(kind Kind, number int, of values, other int, need manifest.Requirement) error {
	in, err := p.inRange(other, need.Range)
	if err != nil {
		return err
	}
	not := p.variables[other].all.without(in)
	switch kind {
	case Optional:
		there := noValues(1 + len(p.all[other]))
		there.add(absent)
		not = not.without(there)
	case Conflicts:
		not = in
	}
	p.state(&fact{kind: kind, subject: number, of: of, other: other, text: need.Range.Text}, term{number, of}, term{other, not})
	return nil
}

// resolveLibraries finds the libraries of a version of a mod, once.
func (p *problem) resolveLibraries(id string, c *candidate, update bool) error {
	if c.resolved {
		return c.libraryOf
	}
	c.resolved = true
	if len(c.Libraries) == 0 {
		return nil
	}
	locked := func(library string) string { return p.request.Locked[id].Libraries[library] }
	keep := func(library string) string {
		if update || p.request.UpdateAll || slices.Contains(p.request.Update, library) {
			return ""
		}
		return locked(library)
	}
	inner := newProblem(p.load, p.steps, p.request, keep, locked)
	chosen, err := inner.solve(c.Libraries)
	if err != nil {
		if conflict, ok := errors.AsType[*ConflictError](err); ok {
			conflict.Of = id + " " + c.version
		}
		c.libraryOf = err
		return err
	}
	for number, value := range chosen {
		library := inner.all[number][value-1]
		var named []string
		for _, need := range library.Libraries {
			named = append(named, need.ID)
		}
		c.libraries = append(c.libraries, Library{ID: inner.ids[number], Version: library.version, Libraries: slices.Compact(named)})
	}
	slices.SortFunc(c.libraries, func(a, b Library) int { return strings.Compare(a.ID, b.ID) })
	return nil
}
