package limits

import (
	"math/bits"
)

// Holder is one of those that hold what a common gauge limits, and that know how much
// it is only when they count: a sandbox, whose garbage is held until it looks.
type Holder interface {
	// Recount counts what is held and enters it with [Gauge.Set]. owed is the price of
	// that in instructions, which the holder pays when it next spends any.
	Recount(owed int64)
}

// share is what a gauge knows of those that hold with others.
type share struct {
	// Of the gauge of a holder: what it may hold beyond what it last counted.
	estimate int64
	holder   Holder
	at       int // in the holders of its last ancestor

	// Of an ancestor.
	estimated int64    // the sum over all holders below
	holders   []*Gauge // of the last ancestor: all below
}

// Join makes h, which enters with Set and Estimate what it holds in g, one of the
// holders of g's ancestors, until [Gauge.Leave]. A gauge without ancestors it leaves
// alone. The ancestors hold on to h.
func (g *Gauge) Join(h Holder) {
	if g.parent == nil || g.share != nil {
		return
	}
	for p := g; p != nil; p = p.parent {
		if p.share == nil {
			p.share = &share{}
		}
	}
	last := g.last()
	g.share.holder, g.share.at = h, len(last.share.holders)
	last.share.holders = append(last.share.holders, g)
}

// Leave gives back all that g holds and undoes Join.
func (g *Gauge) Leave() {
	g.Estimate(0)
	g.Sub(g.held)
	if g.share == nil || g.share.holder == nil {
		return
	}
	if all := g.last().share; all != nil && g.share.at < len(all.holders) && all.holders[g.share.at] == g {
		n := len(all.holders) - 1
		all.holders[g.share.at] = all.holders[n]
		all.holders[g.share.at].share.at = g.share.at
		all.holders[n] = nil
		all.holders = all.holders[:n]
	}
	g.share = nil
}

// last returns the ancestor that has no parent.
func (g *Gauge) last() *Gauge {
	for g.parent != nil {
		g = g.parent
	}
	return g
}

// Estimate enters in g's ancestors that g may hold n units more than Set was last told;
// Set says the same of none. It is for a gauge that has joined, and nothing for
// another. It never refuses: [Gauge.Room] tells beforehand what there is room for.
func (g *Gauge) Estimate(n int64) {
	if g.share == nil || g.share.holder == nil || n < 0 {
		return
	}
	more := n - g.share.estimate
	if more == 0 {
		return
	}
	g.share.estimate = n
	for p := g.parent; p != nil; p = p.parent {
		if p.share == nil { // opened anew, by mistake
			continue
		}
		p.share.estimated += more
		p.peak = max(p.peak, p.Current())
	}
	g.parent.runMarks()
}

// Room returns how much the ancestors of a gauge that has joined admit beyond what they
// hold: the least of them, so that with what is estimated none holds more than its
// maximum and a quarter. It is 0 or less where there is no room, and [Unlimited] for a
// gauge that has not joined.
func (g *Gauge) Room() int64 {
	room := int64(Unlimited)
	if g.share == nil {
		return room
	}
	for p := g.parent; p != nil; p = p.parent {
		room = min(room, p.room())
	}
	return room
}

// room is Room of an ancestor alone.
func (g *Gauge) room() int64 {
	left := g.max - g.held
	if g.max > Unlimited/2 || g.share == nil {
		return left
	}
	return left + g.max/4 - g.share.estimated
}

// pressed returns an ancestor of g that, with what is estimated and n units more, would
// hold more than its maximum, while at least an eighth of the maximum is estimated by
// others than g.
func (g *Gauge) pressed(n int64) *Gauge {
	if g.share == nil {
		return nil
	}
	for p := g.parent; p != nil; p = p.parent {
		if p.share != nil && p.max <= Unlimited/2 && n > p.max-p.held-p.share.estimated && p.share.estimated-g.share.estimate >= max(p.max/8, 1) {
			return p
		}
	}
	return nil
}

// Ask is for g in need of n units: where an ancestor, with what is estimated, does not have
// them, and at least an eighth of its maximum is estimated by others than g, Ask makes
// these count what they hold. The walk costs one instruction for perUnit units that
// they hold; it is divided among all of them, and g, in proportion to what they
// estimate, and g to own: who made the garbage pays for looking at it. g's part is due
// before the walk: pay is called with it, and an error of pay's ends Ask.
//
// Between two askings an ancestor has admitted at least an eighth of its maximum.
func (g *Gauge) Ask(n, own, perUnit int64, pay func(units int64) error) error {
	for p := g.pressed(n); p != nil; p = g.pressed(n) {
		var asked []*Gauge
		var walk int64
		total := max(own, 0)
		for _, o := range p.last().share.holders {
			if o == g || o.share.estimate == 0 || !o.below(p) {
				continue
			}
			asked = append(asked, o)
			walk = MulAdd(1, o.held+o.share.estimate, walk)
			total = MulAdd(1, o.share.estimate, total)
		}
		part := func(estimate int64) int64 { return proportion(walk, estimate, total) / max(perUnit, 1) }
		if err := pay(part(max(own, 0))); err != nil {
			return err
		}
		for _, o := range asked {
			o.share.holder.Recount(part(o.share.estimate))
			o.Estimate(0) // also if the holder did not do what it must
		}
		own = 0
	}
	return nil
}

// proportion returns n*part/whole, 0 <= part <= whole.
func proportion(n, part, whole int64) int64 {
	if whole <= 0 || part >= whole {
		return n
	}
	hi, lo := bits.Mul64(uint64(n), uint64(part))
	q, _ := bits.Div64(hi, lo, uint64(whole))
	return int64(q)
}

// below reports whether p is an ancestor of g.
func (g *Gauge) below(p *Gauge) bool {
	for a := g.parent; a != nil; a = a.parent {
		if a == p {
			return true
		}
	}
	return false
}

// estimatedBelow is what is estimated by the holders below g.
func (g *Gauge) estimatedBelow() int64 {
	if g.share == nil {
		return 0
	}
	return g.share.estimated
}
