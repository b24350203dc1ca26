package schedule

import (
	"errors"
	"sync"
	"sync/atomic"
)

// A parallel round has the fuel of so many slices, in Runs of half a slice or less.
// It takes long enough for goroutines to be worth starting, and is what is run
// between two looks at the clock.
const (
	roundSlices = 8
	sliceRuns   = 2
)

// mostUsed is the most that a Run is believed to have used.
const mostUsed = MaxFrame

// errExited is what Frame panics with if a Run ended its goroutine.
var errExited = errors.New("schedule: a Run ended the goroutine that it ran on")

// drawRound decides who runs next: one entry, or with workers as many as a
// round has fuel for, each once. Nothing in it depends on time.
func (s *Scheduler) drawRound() {
	size := int64(1)
	if s.cfg.Workers > 0 {
		size = roundSlices * min(s.cfg.Slice, MaxFrame)
	}
	s.stage, s.stageOf = none, nil
	for i := range s.class {
		s.class[i].sharing = false
	}
	for size > 0 {
		v, ok := s.draw()
		if !ok {
			break
		}
		s.round = append(s.round, v)
		size -= v.fuel
	}
}

// runOne runs the only visit of the round.
func (s *Scheduler) runOne() {
	v := &s.round[0]
	v.started = true
	v.used, v.state = v.entry.work.Run(v.fuel, true)
	v.finished = true
	s.settle(v)
	s.look()
}

// runAll runs the visits of the round on the workers, of which the caller's
// goroutine is one, and when all have ended those that want to be run alone.
func (s *Scheduler) runAll() {
	s.runWorkers()
	var panicked any
	parallel := false
	for i := range s.round {
		v := &s.round[i]
		if v.serial {
			continue
		}
		parallel = true
		s.settle(v)
		if panicked == nil {
			panicked = v.panicked
		}
	}
	if panicked != nil {
		panic(panicked)
	}
	if parallel {
		s.look()
	}
	for i := range s.round {
		if v := &s.round[i]; v.serial || v.state == Turn {
			s.runTurn(v)
		}
	}
}

func (s *Scheduler) runWorkers() {
	var next atomic.Int64
	work := func() {
		for {
			i := next.Add(1) - 1
			if i >= int64(len(s.round)) {
				return
			}
			if v := &s.round[i]; !v.serial {
				v.runApart()
			}
		}
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	for range min(s.cfg.Workers, len(s.round)) - 1 {
		workers.Go(work)
	}
	work()
}

// runApart keeps a panic for later.
func (v *visit) runApart() {
	defer func() {
		if !v.finished {
			if v.panicked = recover(); v.panicked == nil {
				v.panicked = errExited
			}
		}
	}()
	v.started = true
	v.used, v.state = v.entry.work.Run(v.fuel, false)
	v.finished = true
}

// runTurn runs the one step that an entry asked for, if there is still
// something to pay it from; else the entry has to wait for its next visit.
func (s *Scheduler) runTurn(v *visit) {
	e := v.entry
	if e.removed {
		return
	}
	if !v.serial {
		e.turn = true
		if s.cut || !s.affords(v) {
			v.state = More
			return
		}
		v.settled, v.finished, v.serial, v.fuel = false, false, true, 1
		s.reserve(v)
	} else if s.cut {
		return
	}
	v.started = true
	v.used, v.state = e.work.Run(1, true)
	v.finished = true
	e.turn = v.state == Turn
	s.settle(v)
	s.look()
}

// affords says whether what the visit was paid from has something left.
func (s *Scheduler) affords(v *visit) bool {
	e := v.entry
	switch {
	case s.limit(v) <= 0:
		return false
	case v.extra:
		return e.credit >= 0 && e.extra > 0 && e.took < s.ceiling(e)
	}
	return e.credit > 0
}

// unreserve gives back what reserve took.
func (s *Scheduler) unreserve(v *visit) {
	s.left += v.fuel
	switch v.stage {
	case guaranteed:
		v.class.allow += v.fuel
	case divided:
		v.class.rest += v.fuel
	}
}

// settle accounts for a visit that is over, or that was drawn and came to
// nothing because the frame ended before.
func (s *Scheduler) settle(v *visit) {
	v.settled = true
	s.unreserve(v)
	switch {
	case !v.started:
		v.state = More
		return
	case !v.finished:
		v.used, v.state = v.fuel, Idle
	}
	used := min(max(v.used, 1), mostUsed)
	s.used += used
	s.left -= used
	switch v.stage {
	case guaranteed:
		v.class.allow -= used
	case divided:
		v.class.rest -= used
	}
	e := v.entry
	e.took += used
	if v.extra {
		e.extra -= used
		e.credit += min(e.extra, 0)
		e.extra = max(e.extra, 0)
	} else {
		e.credit -= used
	}
}

// finishRound puts the entries of the round back: who has some of what it was
// given left to the front, in the order of the round.
func (s *Scheduler) finishRound() {
	for i := range s.round {
		v := &s.round[i]
		e := v.entry
		if !v.settled {
			s.settle(v)
		}
		e.running = false
		if e.removed {
			v.entry = nil
		} else if v.state == Idle && !e.woken {
			e.rest()
			v.entry = nil
		} else if e.credit <= 0 && (!v.extra || e.extra <= 0) {
			s.place(e, false)
			v.entry = nil
		}
	}
	for i := len(s.round) - 1; i >= 0; i-- {
		if e := s.round[i].entry; e != nil {
			s.place(e, true)
		}
	}
	clear(s.round)
	s.round = s.round[:0]
}

// rest ends the work of an entry. What is left of its share is good for the
// frame under way only.
func (e *Entry) rest() {
	e.active, e.turn = false, false
	e.s.class[e.class].add(-1, -e.weight)
	e.judged = max(e.judged, e.s.frame-1)
}
