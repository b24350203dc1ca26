package schedule

// source is what a visit is paid from.
type source uint8

const (
	fromClass source = iota // what its class is guaranteed
	fromRest                // its class's part of what only the slow are left to want
	fromFrame               // what others have left
)

// visit is one Run of one entry.
type visit struct {
	entry *Entry
	class *class
	from  source
	extra bool // it uses a left-over and not the share
	fuel  int64

	serial   bool
	used     int64
	state    State
	started  bool
	finished bool // Run has returned
	settled  bool // it has been accounted for
	panicked any
}

// draw takes the next entry out of its queue and sets its fuel aside. The
// order is: first the classes in turn, each as far as its guarantee goes; then
// what is left to who wants it, high classes first; then what nobody of these
// wants to the slow.
func (s *Scheduler) draw() (visit, bool) {
	for s.left > 0 {
		c, from, ok := s.choose()
		if !ok {
			break
		}
		limit := s.left
		switch from {
		case fromClass:
			limit = min(limit, c.allow)
		case fromRest:
			limit = min(limit, c.rest)
		}
		v := visit{class: c, from: from}
		switch {
		case c.queue[fresh].n > 0:
			ok = s.drawShare(&v)
		case c.queue[more].n > 0:
			ok = s.drawExtra(&v, more, limit)
		default:
			ok = s.drawExtra(&v, slow, limit)
		}
		if !ok {
			continue
		}
		e := v.entry
		v.fuel = min(v.fuel, limit, s.cfg.Slice)
		if e.turn && s.cfg.Workers > 0 {
			v.fuel, v.serial = 1, true
		}
		e.where().remove(e)
		e.running, e.woken = true, false
		s.reserve(&v)
		return v, true
	}
	return visit{}, false
}

// choose returns the class that is next, and what it is paid from.
func (s *Scheduler) choose() (*class, source, bool) {
	for i := range classes {
		c := &s.class[byRank[(s.first+i)%classes]]
		if c.allow > 0 && c.wants() {
			return c, fromClass, true
		}
	}
	for _, k := range byRank {
		if c := &s.class[k]; c.wants() {
			return c, fromFrame, true
		}
	}
	if !s.rest {
		s.divideRest()
	}
	for _, k := range byRank {
		if c := &s.class[k]; c.rest > 0 && c.queue[slow].n > 0 {
			return c, fromRest, true
		}
	}
	for _, k := range byRank {
		if c := &s.class[k]; c.queue[slow].n > 0 {
			return c, fromFrame, true
		}
	}
	return nil, 0, false
}

// divideRest gives the classes with slow entries their parts of what is left.
func (s *Scheduler) divideRest() {
	s.rest = true
	var parts int64
	for i := range s.class {
		if s.class[i].queue[slow].n > 0 {
			parts += classParts[i]
		}
	}
	for i := range s.class {
		if c := &s.class[i]; c.queue[slow].n > 0 {
			c.rest = byWeight(s.left, classParts[i], parts)
		}
	}
}

// drawShare fills in a visit of the first of fresh, and gives it its share if
// it has not had it. It reports false if the share did not pay its debt.
func (s *Scheduler) drawShare(v *visit) bool {
	e := v.class.queue[fresh].front()
	e.judge()
	e.enter()
	if e.credit <= 0 {
		share := s.share(e)
		e.paid = min(share, -e.credit)
		e.credit += share
		e.given, e.spent = s.frame, false
	}
	if e.credit <= 0 {
		e.where().remove(e)
		s.place(e, false)
		return false
	}
	v.entry, v.fuel = e, e.credit
	return true
}

// share is what an entry gets for certain, in this frame: what it is due, or
// the least quantum, which is then due later. Of frames in which its turn did
// not come, it makes up for mostShares.
func (s *Scheduler) share(e *Entry) int64 {
	c := &s.class[e.class]
	least := byWeight(s.least*int64(c.peakN), e.weight, c.peak)
	fair := byWeight(c.base, e.weight, c.peak)
	e.count()
	e.due = min(e.due, mostShares*max(fair, least)<<dueBits)
	if e.due <= 0 {
		return 0
	}
	whole := max(e.due>>dueBits, least)
	e.due -= whole << dueBits
	return max(whole*int64(e.factor)/wholeShare, 1)
}

// drawExtra fills in a visit of the first of a queue with a left-over. It
// reports false if there is nothing to run: a debt took it, or the entry has
// had all that it can have.
func (s *Scheduler) drawExtra(v *visit, which int, limit int64) bool {
	q := &v.class.queue[which]
	e := q.front()
	switch {
	case e.credit < 0 && which == slow:
		s.payDebt(v, q, e, limit)
		return false
	case e.extra <= 0:
		e.extra = q.quantum(e, limit, s.least)
		if e.credit < 0 {
			if e.extra += e.credit; e.extra <= 0 {
				e.extra = 0
				q.remove(e)
				s.put(e, slow, false)
				return false
			}
			e.credit = 0
		}
	}
	v.entry, v.fuel, v.extra = e, e.extra, true
	if which == slow {
		v.fuel = min(v.fuel, s.ceiling(e)-e.took)
	}
	return true
}

// payDebt puts a left-over into the debt of e. What its share paid before was
// not used by anybody either, so that it is taken from the frame here: alone,
// an entry pays no more than a budget in a frame.
func (s *Scheduler) payDebt(v *visit, q *queue, e *Entry, limit int64) {
	v.fuel = min(e.paid, limit)
	e.paid = 0
	if rest := limit - v.fuel; rest > 0 {
		pay := min(-e.credit, q.quantum(e, rest, s.least), rest)
		e.credit += pay
		e.took += pay
		v.fuel += pay
	}
	s.reserve(v)
	e.where().remove(e)
	s.place(e, false)
}

// ceiling is the most that a throttled entry gets in a frame, left-overs
// included.
func (s *Scheduler) ceiling(e *Entry) int64 {
	if e.factor == wholeShare {
		return MaxFrame
	}
	return max(s.budget*int64(e.factor)/wholeShare, 1)
}

// reserve takes the fuel of a visit from where it is paid from.
func (s *Scheduler) reserve(v *visit) {
	s.left -= v.fuel
	switch v.from {
	case fromClass:
		v.class.allow -= v.fuel
		v.class.served = true
	case fromRest:
		v.class.rest -= v.fuel
	}
}

// place puts an entry with work into the queue where it belongs, to the front
// if it ran and has some of what it was given left.
func (s *Scheduler) place(e *Entry, ran bool) {
	which, front := fresh, ran
	switch {
	case !s.running:
		front = false
	case e.credit > 0:
	case e.given != s.frame:
		front = false
	default:
		e.spent = true
		front = ran && e.extra > 0
		switch {
		case e.took >= s.ceiling(e):
			which = out
		case e.factor < wholeShare:
			which = slow
		default:
			which = more
		}
	}
	s.put(e, which, front)
}

// put puts an entry into a queue of its class.
func (s *Scheduler) put(e *Entry, which int, front bool) {
	e.queue, e.placed = uint8(which), s.frame
	if q := &s.class[e.class].queue[which]; front {
		q.pushFront(e)
	} else {
		q.pushBack(e)
	}
}
