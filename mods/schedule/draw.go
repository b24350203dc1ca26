package schedule

// visit is one Run of one entry.
type visit struct {
	entry *Entry
	class *class
	stage stage
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

// stage is how far the division of a frame has come.
type stage uint8

const (
	none       stage = iota
	guaranteed       // the classes in turn, each as far as its guarantee goes
	offered          // what is left to who wants it, high classes first
	divided          // what nobody of these wants to the slow, divided among the classes
	remaining        // what is left of that to the slow, high classes first
)

// draw takes the next entry out of its queue and sets its fuel aside. In a
// round that has begun it takes only one that would not come behind those who
// run, if they want more.
func (s *Scheduler) draw() (visit, bool) {
	for s.left > 0 {
		c, at := s.choose()
		if at == none {
			break
		}
		v := visit{class: c, stage: at}
		var ok bool
		switch {
		case c.queue[fresh].n > 0:
			ok = s.drawShare(&v)
		case c.queue[more].n > 0:
			ok = s.drawExtra(&v, more)
		default:
			ok = s.drawExtra(&v, slow)
		}
		if !ok {
			continue
		}
		e := v.entry
		v.fuel = min(v.fuel, s.limit(&v), s.slice)
		if e.turn && s.cfg.Workers > 0 {
			v.fuel, v.serial = 1, true
		}
		e.where().remove(e)
		e.running, e.woken = true, false
		s.stage, s.stageOf = at, c
		c.sharing = c.sharing || !v.extra
		s.reserve(&v)
		return v, true
	}
	return visit{}, false
}

// choose returns the class that is next, and the stage at which it is.
func (s *Scheduler) choose() (*class, stage) {
	if s.stage <= guaranteed {
		for i := range classes {
			c := &s.class[byRank[(s.first+i)%classes]]
			if c.allow > 0 && (c.queue[fresh].n > 0 || c.queue[more].n > 0 && !c.sharing) {
				return c, guaranteed
			}
		}
	}
	if s.stage == none || s.stage == offered {
		for _, k := range byRank {
			if c := &s.class[k]; c.wants() && (s.stage == none || s.stageOf == c) {
				return c, offered
			}
		}
	}
	if s.stage == none || s.stage == divided {
		if !s.rest {
			s.divideRest()
		}
		for _, k := range byRank {
			if c := &s.class[k]; c.rest > 0 && c.queue[slow].n > 0 {
				return c, divided
			}
		}
	}
	if s.stage == none || s.stage == remaining {
		for _, k := range byRank {
			if c := &s.class[k]; c.queue[slow].n > 0 && (s.stage == none || s.stageOf == c) {
				return c, remaining
			}
		}
	}
	return nil, none
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
// the least quantum, which is then due later. Of what it was due in frames in
// which its turn did not come, no more than mostShares are made up for, and no
// more than one at a time: so everybody's next turn is near.
func (s *Scheduler) share(e *Entry) int64 {
	c := &s.class[e.class]
	least := byWeight(s.least*int64(c.peakN), e.weight, c.peak)
	most := max(byWeight(c.base, e.weight, c.peak), least)
	e.count()
	e.due = min(e.due, mostShares*most<<dueBits)
	if e.due <= 0 {
		return 0
	}
	whole := min(max(e.due>>dueBits, least), 2*most)
	e.due -= whole << dueBits
	return max(whole*int64(e.factor)/wholeShare, 1)
}

// drawExtra fills in a visit of the first of a queue with a left-over. It
// reports false if there is nothing to run: a debt took it, or the entry has
// had all that it can have.
func (s *Scheduler) drawExtra(v *visit, which int) bool {
	q := &v.class.queue[which]
	e := q.front()
	if which == slow && (e.credit < 0 || e.paid > 0) {
		s.payDebt(v, q, e)
		return false
	}
	if e.extra <= 0 {
		part := q.quantum(e, s.limit(v), s.least)
		if e.paid > 0 {
			v.fuel = min(e.paid, part, s.limit(v))
			e.paid -= v.fuel
			part -= v.fuel
			s.reserve(v)
		}
		if part+e.credit <= 0 || s.limit(v) <= 0 {
			q.remove(e)
			if e.credit < 0 {
				s.put(e, slow, false)
			} else {
				s.put(e, more, false)
			}
			return false
		}
		e.extra, e.credit = part+e.credit, 0
	}
	v.entry, v.fuel, v.extra = e, e.extra, true
	if which == slow {
		v.fuel = min(v.fuel, s.ceiling(e)-e.took)
	}
	return true
}

// payDebt puts a left-over into the debt of e. What its share has paid was not
// used by anybody else, or this would not be left, so that it is taken from
// the frame here: alone, an entry pays no more than a budget in a frame.
func (s *Scheduler) payDebt(v *visit, q *queue, e *Entry) {
	limit := s.limit(v)
	v.fuel = min(e.paid, limit)
	e.paid -= v.fuel
	if rest := limit - v.fuel; rest > 0 && e.credit < 0 {
		pay := min(-e.credit, q.quantum(e, rest, s.least), rest)
		e.credit += pay
		e.took += pay
		v.fuel += pay
	}
	s.reserve(v)
	q.remove(e)
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

// limit is how much there is for a visit at its stage.
func (s *Scheduler) limit(v *visit) int64 {
	switch v.stage {
	case guaranteed:
		return min(s.left, v.class.allow)
	case divided:
		return min(s.left, v.class.rest)
	}
	return s.left
}

// reserve takes the fuel of a visit from where it is paid from.
func (s *Scheduler) reserve(v *visit) {
	s.left -= v.fuel
	switch v.stage {
	case guaranteed:
		v.class.allow -= v.fuel
		v.class.served = true
	case divided:
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
