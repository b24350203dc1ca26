package limits_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
)

// holder holds in a gauge, of which part is garbage until it counts.
type holder struct {
	g       *limits.Gauge
	live    int64
	garbage int64
	owed    int64
	counted int
	lazy    bool // does not do what it must
}

func (h *holder) Recount(owed int64) {
	h.counted++
	h.owed += owed
	if h.lazy {
		return
	}
	h.garbage = 0
	_ = h.g.Set(h.live)
}

// use makes garbage of n units and tells.
func (h *holder) use(live, garbage int64) {
	h.live += live
	h.garbage += garbage
	h.g.Estimate(h.live - h.g.Current() + h.garbage)
}

func newHolder(parent *limits.Gauge) *holder {
	h := &holder{g: limits.NewGauge(limits.Memory, 1000, parent)}
	h.g.Join(h)
	return h
}

func pay(sum *int64) func(int64) error {
	return func(n int64) error { *sum += n; return nil }
}

func TestEstimates(t *testing.T) {
	top := limits.NewGauge(limits.Memory, 1000, nil)
	a, b := newHolder(top), newHolder(top)
	expect := func(what string, current, left, roomOfA int64) {
		t.Helper()
		if diff := cmp.Diff([]int64{current, left, roomOfA}, []int64{top.Current(), a.g.Left(), a.g.Room()}); diff != "" {
			t.Errorf("%s: current, left, room (-want +got)\n%s", what, diff)
		}
	}
	expect("nothing", 0, 1000, 1250)
	a.use(0, 300)
	expect("estimated", 300, 950, 950)
	a.use(0, 100)
	expect("more", 400, 850, 850)
	b.use(200, 100)
	expect("by another", 700, 550, 550)
	a.Recount(0)
	expect("counted", 300, 950, 950)
	b.Recount(0)
	expect("all counted", 200, 800, 1050)
	b.use(1100, 0)
	expect("too much", 1300, 0, -50)
	if err := a.g.Add(1); err == nil {
		t.Error("more than all is held")
	}
	if short := a.g.Shortage(1); short == nil || short.Max != 1000 || short.Asked != 1 {
		t.Errorf("%v", short)
	}
	b.g.Leave()
	expect("one has left", 0, 1000, 1250)
	if top.Peak() != 1300 {
		t.Errorf("a peak of %d", top.Peak())
	}
	b.g.Leave()
	b.g.Estimate(500)
	expect("and is gone", 0, 1000, 1250)
	if room := b.g.Room(); room != limits.Unlimited {
		t.Errorf("room of %d for one that has left", room)
	}
}

func TestAsk(t *testing.T) {
	top := limits.NewGauge(limits.Memory, 1000, nil)
	inner := limits.NewGauge(limits.Memory, 1000, top)
	a, b, c, d, e := newHolder(inner), newHolder(inner), newHolder(top), newHolder(top), newHolder(top)
	holders := []*holder{a, b, c, d, e}
	b.use(100, 300) // a quarter of it lives
	c.use(200, 0)   // all of it lives
	c.Recount(0)
	d.use(0, 100)
	var paid int64
	if err := a.g.Ask(300, 100, 10, pay(&paid)); err != nil {
		t.Fatal(err)
	}
	if paid != 0 || b.counted+d.counted != 0 {
		t.Errorf("asked although 300 units fit: %d paid", paid)
	}
	if err := a.g.Ask(301, 100, 10, pay(&paid)); err != nil {
		t.Fatal(err)
	}
	var counted []int
	var owed []int64
	for _, h := range holders {
		counted, owed = append(counted, h.counted), append(owed, h.owed)
	}
	// A walk over 500 units, 50 instructions, for 600 units of garbage: 100 of a's.
	if diff := cmp.Diff([]int{0, 1, 1, 1, 0}, counted); diff != "" {
		t.Errorf("counted\n%s", diff)
	}
	if diff := cmp.Diff([]int64{0, 33, 0, 8, 0}, owed); diff != "" || paid != 8 {
		t.Errorf("paid %d, owed\n%s", paid, diff)
	}
	if top.Current() != 300 || inner.Current() != 100 {
		t.Errorf("%d and %d held", top.Current(), inner.Current())
	}
	// Less than an eighth is not worth it.
	c.use(0, 124)
	if err := a.g.Ask(900, 0, 1, pay(&paid)); err != nil || c.counted != 1 {
		t.Errorf("%v, asked for little", err)
	}
	c.use(0, 1)
	if err := a.g.Ask(900, 0, 1, pay(&paid)); err != nil || c.counted != 2 {
		t.Errorf("%v, not asked for an eighth", err)
	}
	// Who cannot pay does not make others count.
	c.use(0, 900)
	broke := errors.New("broke")
	if err := a.g.Ask(900, 100, 1, func(int64) error { return broke }); err != broke || c.counted != 2 {
		t.Errorf("%v", err)
	}
	// A holder that does not count is not asked for ever.
	c.lazy = true
	if err := a.g.Ask(900, 0, 1, pay(&paid)); err != nil || c.counted != 3 || top.Current() != 300 {
		t.Errorf("%v, %d held", err, top.Current())
	}
	for _, h := range holders {
		h.g.Leave()
	}
	if top.Current() != 0 || inner.Current() != 0 {
		t.Errorf("%d and %d held by nobody", top.Current(), inner.Current())
	}
}

// What does not share anything is not changed by any of it.
func TestEstimateAlone(t *testing.T) {
	g := limits.NewGauge(limits.Memory, 1000, nil)
	h := &holder{g: g}
	g.Join(h)
	g.Estimate(500)
	if g.Current() != 0 || g.Left() != 1000 || g.Room() != limits.Unlimited {
		t.Errorf("%+v, room %d", g.Use(), g.Room())
	}
	if err := g.Ask(5000, 1, 1, func(int64) error { return errors.New("asked") }); err != nil {
		t.Error(err)
	}
	unlimited := limits.NewGauge(limits.Memory, limits.Unlimited, nil)
	a, b := newHolder(unlimited), newHolder(unlimited)
	a.use(0, 1<<40)
	b.use(0, 1<<40)
	if err := a.g.Ask(1<<60, 1, 1, func(int64) error { return errors.New("asked") }); err != nil || a.g.Room() <= 1<<60 {
		t.Errorf("%v, room %d", err, a.g.Room())
	}
	if unlimited.Current() != 2<<40 {
		t.Errorf("%d held", unlimited.Current())
	}
}
