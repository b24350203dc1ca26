package schedule

import "time"

// Scheduler divides frames among entries. It belongs to one goroutine at a
// time; with workers, the goroutines that it starts for a round have ended
// when the round has.
type Scheduler struct {
	cfg    Config
	slice  int64 // the most fuel of a Run
	least  int64 // the average quantum is at least this
	budget int64 // of the next frame
	first  int   // rank of the class that the next frame begins with
	class  [classes]class

	// Of the frame under way.
	running bool
	frame   int64 // its number, from 1
	left    int64 // of the budget
	used    int64
	rest    bool // the throttled and indebted have been given their parts
	slices  int64
	until   int64 // slices after which it is cut; 0: the clock says
	start   time.Duration
	cut     bool
	stopped bool // the cut is the Stop's of the configuration
	round   []visit
	stage   stage  // of the round
	stageOf *class // the class of its last visit
}

// class is the state of one priority class.
type class struct {
	n       int    // entries with work
	weight  int64  // of these
	base    int64  // what the class is guaranteed in this frame
	allow   int64  // what it has left of that; below zero it is a debt
	served  bool   // has run out of its allowance in this frame
	rest    int64  // its part of what is left for the throttled and indebted
	sharing bool   // somebody in the round runs on a share
	due     uint64 // what a weight of 1 was guaranteed in all frames so far, in 1/65536
	added   uint64 // to due in this frame
	peakN   int    // the most entries with work at a time in this frame
	peak    int64  // the most weight of these

	queue [queues]queue
}

// add changes the count of the entries with work, and their weight.
func (c *class) add(n int, weight int64) {
	c.n += n
	c.weight += weight
	c.peakN = max(c.peakN, c.n)
	c.peak = max(c.peak, c.weight)
}

// wants says whether somebody is there who takes part in left-overs.
func (c *class) wants() bool {
	return c.queue[fresh].n+c.queue[more].n > 0
}

// Report says what a frame was.
type Report struct {
	Budget  int64         // instructions that it had
	Used    int64         // instructions that all Runs together used
	Wall    time.Duration // that it took; zero without a clock, and in FrameUntil
	Slices  int64         // looks at the clock: what FrameUntil takes to repeat a frame that was cut
	Cut     bool          // the guard ended it
	Waiting int           // entries that have work left
}

// New returns a scheduler without entries. The error is a [*ConfigError].
func New(cfg Config) (*Scheduler, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	s := &Scheduler{cfg: cfg, budget: cfg.Frame, slice: cfg.Slice, least: min(minQuantum, cfg.Frame)}
	if cfg.Workers > 0 {
		s.slice = max(cfg.Slice/sliceRuns, 1)
	}
	for i := range s.class {
		for j := range s.class[i].queue {
			s.class[i].queue[j].init()
		}
	}
	return s, nil
}

// Add makes an entry for w. It has no work until its Wake. The weight is 1 to
// [MaxWeight]; what is outside is taken for the nearest of the two, and what
// is no class for [Normal].
func (s *Scheduler) Add(w Work, class Class, weight int) *Entry {
	if class >= classes {
		class = Normal
	}
	e := &Entry{s: s, work: w, class: class, weight: clampWeight(weight), factor: wholeShare, judged: s.frame}
	e.entry = e
	return e
}

// Remove takes the entry out: no Run of it begins any more. It may be called
// in a serial Run, the entry's own too, and a second time.
func (s *Scheduler) Remove(e *Entry) {
	if e.s != s || e.removed {
		return
	}
	e.removed = true
	if !e.active {
		return
	}
	if !e.running {
		e.where().remove(e)
	}
	e.active = false
	s.class[e.class].add(-1, -e.weight)
}

// Budget is what the next frame has: Frame of the configuration, or less after
// frames that the guard ended.
func (s *Scheduler) Budget() int64 {
	return s.budget
}

// Frame lets those run that have work, until nobody has, or the budget is
// used up, or the guard ends it.
//
// If a Run panics, the frame ends and Frame panics with the same value, in
// parallel after all other Runs of the round have ended. The entry is then as
// if it had used all its fuel and had returned Idle, and the scheduler can be
// used on.
func (s *Scheduler) Frame() Report {
	return s.run(0)
}

// FrameUntil is a Frame that does not look at the clock: it is cut after so
// many slices, or not at all if slices is 0 or less. With the Slices of a
// frame that was cut, and 0 for one that was not, the same loads get the same
// frames as when the clock was there.
func (s *Scheduler) FrameUntil(slices int64) Report {
	if slices <= 0 {
		slices = 1<<63 - 1
	}
	return s.run(slices)
}

func (s *Scheduler) run(until int64) (r Report) {
	if s.running {
		panic("schedule: Frame called by a Run")
	}
	s.begin(until)
	r.Budget = s.budget
	defer func() {
		s.finishRound()
		r.Used, r.Slices, r.Cut = s.used, s.slices, s.cut && !s.stopped
		s.end()
		r.Waiting = s.waiting()
	}()
	for !s.cut {
		s.drawRound()
		if len(s.round) == 0 {
			break
		}
		if s.cfg.Workers == 0 {
			s.runOne()
		} else {
			s.runAll()
		}
		s.finishRound()
	}
	if s.cfg.Clock != nil && until == 0 {
		r.Wall = s.cfg.Clock() - s.start
	}
	return r
}

// begin gives each class what it is guaranteed.
func (s *Scheduler) begin(until int64) {
	s.running = true
	s.frame++
	s.left, s.used, s.slices, s.until = s.budget, 0, 0, until
	s.cut, s.stopped, s.rest = false, false, false
	if s.cfg.Clock != nil && until == 0 {
		s.start = s.cfg.Clock()
	}
	var parts int64
	for i := range s.class {
		if s.class[i].n > 0 {
			parts += classParts[i]
		}
	}
	for i := range s.class {
		c := &s.class[i]
		c.served, c.rest = false, 0
		c.peakN, c.peak, c.added = c.n, c.weight, 0
		if c.n == 0 {
			c.base = 0
			c.allow = min(c.allow+byWeight(s.budget, classParts[i], 100), 0)
			continue
		}
		c.base = byWeight(s.budget, classParts[i], parts)
		c.allow = min(max(c.allow, -mostShares*c.base), mostShares*c.base) + c.base
		c.added = uint64((c.base<<dueBits + c.weight - 1) / c.weight)
		c.due += c.added
	}
}

// end closes the accounts of the frame. Everybody who has work is in fresh
// then, who has waited longest first.
func (s *Scheduler) end() {
	next, found := 0, false
	for i := range classes {
		rank := (s.first + i) % classes
		c := &s.class[byRank[rank]]
		denied := c.allow > 0 && c.wants()
		if !denied {
			c.allow = min(c.allow, 0)
		} else if !c.served && !found {
			next, found = rank, true
		}
		q := &c.queue
		q[fresh].takeAll(&q[more])
		q[fresh].takeAll(&q[slow])
		q[fresh].takeAll(&q[out])
	}
	s.first = next
	s.running = false
	switch {
	case s.stopped:
	case s.cut:
		s.budget = max(s.budget*3/4, s.cfg.Frame/16, 1)
	default:
		s.budget = min(s.budget+max(s.cfg.Frame/32, 1), s.cfg.Frame)
	}
}

func (s *Scheduler) waiting() int {
	n := 0
	for i := range s.class {
		n += s.class[i].n
	}
	return n
}

// look ends the frame if it is time. It is called when a slice is over.
func (s *Scheduler) look() {
	s.slices++
	if s.cfg.Stop != nil && s.cfg.Stop() {
		s.cut, s.stopped = true, true
		return
	}
	switch {
	case s.until > 0:
		s.cut = s.slices >= s.until
	case s.cfg.Guard > 0:
		s.cut = s.cfg.Clock()-s.start > s.cfg.Guard
	}
}
