package schedule

// State says how a Run ended.
type State uint8

const (
	Idle State = iota // nothing to do until the next Wake
	More              // the fuel is used up, there is more to do
	Turn              // the next step has to be run on the goroutine of Frame
)

// Work is what an entry does.
type Work interface {
	// Run does at most fuel instructions, fuel being at least 1, and as the
	// last thing perhaps one indivisible charge that goes beyond. It returns
	// the instructions used, which count as at least 1, and how it ended.
	//
	// serial says that it is on the goroutine of Frame and no other Run is
	// under way: it may call the game, and all methods of the scheduler but
	// Frame. If serial is false, it may do neither: where it would have to, it
	// returns Turn, and is then run with serial true and fuel 1.
	Run(fuel int64, serial bool) (used int64, state State)
}

// The throttle is counted in sixteenths of the whole share.
const (
	wholeShare = 16
	leastShare = 1
)

// The queues of a class. Between frames all entries with work are in fresh.
const (
	fresh = iota // have had no share in this frame, or have some of it left
	more         // have used their share, and take left-overs
	slow         // throttled or in debt: only have what nobody in fresh or more wants
	out          // have had all that they can have in this frame
	queues
)

// Entry is one of those who share the frames of a scheduler. Its methods are
// for the goroutine of Frame, between frames, or during one within a serial
// Run; not for several goroutines at once.
type Entry struct {
	link
	s      *Scheduler
	work   Work
	class  Class
	weight int64

	active  bool // has work: is in a queue, or running
	running bool // is in no queue until its Run has been accounted for
	removed bool
	woken   bool // by Wake while running
	turn    bool // the next Run has to be serial

	queue  uint8 // where it is, if placed is the frame under way; else it is in fresh
	placed int64

	seen  int64 // the frame that extra, paid and took are of
	extra int64 // what it still has of a left-over that was given to it
	paid  int64 // how much of its share went into its debt
	took  int64 // what it has used

	due    int64  // what it is guaranteed and was not given, in 1/65536; below zero, was given before its time
	dueAt  uint64 // due of its class when that was counted
	credit int64  // what it has left of its share; below zero it is a debt
	given  int64  // the frame in which it last got its share
	spent  bool   // used all of that share, and wanted more

	hired   int64 // what others used for it in a frame; below zero, it for others
	hiredIn int64 // that frame

	judged  int64 // the last frame that the throttle knows of
	factor  int   // of the share, in sixteenths
	strikes int
	floored int // frames since the share became the least
}

// Wake says that the entry has work. During a frame it takes part in that
// frame. It costs little and may be said as often as one likes; for an entry
// that was removed it does nothing.
func (e *Entry) Wake() {
	if e.removed {
		return
	}
	if e.active {
		e.woken = true
		return
	}
	s, c := e.s, &e.s.class[e.class]
	e.judge()
	if !s.running || e.given != s.frame {
		e.credit = min(e.credit, 0)
		e.join()
	}
	e.active = true
	c.add(1, e.weight)
	e.enter()
	s.place(e, false)
}

// Charge has the entry pay for instructions that another one used for it in the
// frame that is over: they are taken from its next shares, and the throttle looks at
// them as at its own. A negative number gives back what it used for another, so that
// it has at most one more share than it would have, and the throttle does not count
// it. It is said once for a frame, before anything that asks for the entry's Share.
func (e *Entry) Charge(instructions int64) {
	e.hired, e.hiredIn = min(max(instructions, -mostUsed), mostUsed), e.s.frame
	if e.hired > 0 {
		e.credit -= e.hired
	} else {
		e.credit = max(e.credit, min(e.credit-e.hired, e.evenShare()))
	}
	e.judge()
}

// evenShare is what the entry was guaranteed in the last frame, or would have been.
func (e *Entry) evenShare() int64 {
	c := &e.s.class[e.class]
	return byWeight(c.base, e.weight, max(c.peak, e.weight))
}

// wholeUsed says whether the entry used all that the throttle leaves of its share in
// the frame that it was charged for, and wanted more: with what others used for it, and without what it used
// for others. What hangs on an account that is settled afterwards is taken for whole
// from 7/8 on.
func (e *Entry) wholeUsed() bool {
	whole := e.evenShare() * int64(e.factor) / wholeShare
	whole -= whole / 8
	if e.hired < 0 {
		return e.active && e.took >= whole && e.took+e.hired > -e.hired // most of it was its own
	}
	return e.spent && e.given == e.hiredIn || whole > 0 && e.hired >= whole
}

// Share is what the throttle leaves of the entry's share: 1 is all of it, 1/16
// the least.
func (e *Entry) Share() float64 {
	e.judge()
	return float64(e.factor) / wholeShare
}

// Throttled says whether Share is below 1.
func (e *Entry) Throttled() bool {
	e.judge()
	return e.factor < wholeShare
}

// SetWeight changes the weight, 1 to [MaxWeight]; what is outside is taken for
// the nearest of the two.
func (e *Entry) SetWeight(weight int) {
	w := clampWeight(weight)
	e.count()
	if e.active {
		e.s.class[e.class].add(0, w-e.weight)
		if !e.running {
			e.where().weight += w - e.weight
		}
	}
	e.weight = w
}

// SetClass moves the entry to another class, at the end of the queue there.
// What is no class is taken for [Normal].
func (e *Entry) SetClass(class Class) {
	if class >= classes {
		class = Normal
	}
	if class == e.class {
		return
	}
	if !e.active {
		e.class = class
		return
	}
	if !e.running {
		e.where().remove(e)
	}
	e.s.class[e.class].add(-1, -e.weight)
	e.class = class
	e.s.class[e.class].add(1, e.weight)
	e.join()
	if !e.running {
		e.enter()
		e.s.place(e, false)
	}
}

func clampWeight(weight int) int64 {
	return int64(min(max(weight, 1), MaxWeight))
}

// where returns the queue that an entry is in which has work and does not run.
func (e *Entry) where() *queue {
	c := &e.s.class[e.class]
	if e.s.running && e.placed == e.s.frame {
		return &c.queue[e.queue]
	}
	return &c.queue[fresh]
}

// enter begins the entry's accounts of the frame.
func (e *Entry) enter() {
	if e.seen != e.s.frame {
		e.seen = e.s.frame
		e.extra, e.paid, e.took = 0, 0, 0
	}
}

// join begins the count of what the entry is guaranteed: from the frame under
// way, or the next.
func (e *Entry) join() {
	c := &e.s.class[e.class]
	e.due, e.dueAt = 0, c.due
	if e.s.running {
		e.dueAt -= c.added
	}
}

// count brings due up to the frame under way.
func (e *Entry) count() {
	c := &e.s.class[e.class]
	e.due += e.weight * int64(min(c.due-e.dueAt, 1<<(62-weightBits)))
	e.due = min(e.due, MaxFrame<<dueBits)
	e.dueAt = c.due
}

// judge brings the throttle up to the last frame that is over. It has to be
// called before anything changes that says how that frame ended for the entry.
func (e *Entry) judge() {
	over := e.s.frame
	if e.s.running {
		over--
	}
	switch {
	case over <= e.judged:
	case e.hired != 0 && e.hiredIn == over && e.wholeUsed():
		e.judged = over
		e.strike()
	case !e.active:
		e.factor = int(min(int64(e.factor)+over-e.judged, wholeShare))
		e.strikes, e.floored = 0, 0
		e.judged = over
	case e.given > e.judged && e.given <= over:
		e.judged = e.given
		if e.spent && (e.hired == 0 || e.hiredIn != e.given) {
			e.strike()
		}
	}
}

// strike counts a frame that ended with the whole share used and work left.
func (e *Entry) strike() {
	cfg := &e.s.cfg
	if cfg.Patience < 0 {
		return
	}
	if e.factor == leastShare {
		if e.floored++; cfg.Parole > 0 && e.floored >= cfg.Parole {
			e.factor, e.strikes, e.floored = wholeShare, 0, 0
		}
		return
	}
	if e.strikes++; e.strikes >= cfg.Patience {
		e.factor, e.strikes = (e.factor+1)/2, 0
	}
}
