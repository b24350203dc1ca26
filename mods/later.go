package mods

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/luasandbox/modrunner/luasandbox"
)

// How many works are under way at a time.
const (
	worksOfMod  = 8
	worksOfHost = 2048
)

// closeWait is how long Close waits for works whose context has ended.
const closeWait = 10 * time.Second

// works are what capabilities do beside the frames: see [Grantee.Later].
type works struct {
	running sync.WaitGroup
	mu      sync.Mutex
	count   int              // whose goroutines have not ended
	asked   int              // whose answers have not been taken: at least count
	numbers map[string]int64 // how many each mod has begun, by its id
	waiting []*answer        // that a recording is to answer
}

// answer is the end of one work.
type answer struct {
	in      *instance
	number  int64 // of the works of mods with its id, from 1
	pending *luasandbox.Pending
	job     *job // that waits
	values  []any
	err     error
}

// begin starts a work for a mod.
func (w *works) begin(g *Grantee, work func(context.Context) ([]any, error)) (*luasandbox.Pending, error) {
	in, h := g.in, g.host()
	if in == nil || in.dropped {
		return nil, ErrNotRunning
	}
	if err := in.mod.current.waits(); err != nil {
		return nil, err
	}
	w.mu.Lock()
	full := in.works == worksOfMod || w.asked == worksOfHost
	if !full {
		w.count++
		w.asked++
		if w.numbers == nil {
			w.numbers = map[string]int64{}
		}
		w.numbers[in.mod.id]++
	}
	number := w.numbers[in.mod.id]
	w.mu.Unlock()
	if full {
		return nil, scriptErrorf("%s: too many calls wait for an answer (at most %d)", g.capability.Name, worksOfMod)
	}
	in.works++
	a := &answer{in: in, number: number, pending: luasandbox.Later(), job: in.mod.current}
	if h.journal.replays() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.count--
		w.waiting = append(w.waiting, a)
		return a.pending, nil
	}
	w.running.Add(1)
	go func() {
		defer w.running.Done()
		defer func() {
			if p := recover(); p != nil {
				a.values, a.err = nil, fmt.Errorf("panic in the work of the capability %q: %v\n%s", g.capability.Name, p, debug.Stack())
			}
			w.ended()
			h.answered(a)
		}()
		a.values, a.err = work(in.ctx)
		if a.err == nil {
			a.values, a.err = plainList(a.values)
		}
	}()
	return a.pending, nil
}

// ended counts a work that is over.
func (w *works) ended() {
	w.mu.Lock()
	w.count--
	w.mu.Unlock()
}

// wait waits for all works to end, whose contexts have ended. It reports whether
// they did.
func (w *works) wait(most time.Duration) bool {
	done := make(chan struct{})
	go func() {
		w.running.Wait()
		close(done)
	}()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// answered takes an answer, on whatever goroutine, for the next tick.
func (h *Host) answered(a *answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed == nil {
		h.inbox = append(h.inbox, a)
	}
}

// apply gives the answer to the script.
func (a *answer) apply(h *Host) {
	h.works.mu.Lock()
	h.works.asked--
	h.works.mu.Unlock()
	if a.in.dropped {
		return
	}
	a.in.works--
	if a.err != nil {
		a.pending.Reject(a.err)
	} else {
		a.pending.Resolve(a.values...)
	}
	if a.job.task != nil {
		a.in.mod.unpark(a.job.task)
	}
}

// plainList checks that an answer consists of plain values.
func plainList(values []any) ([]any, error) {
	for i, v := range values {
		v, err := plain(v)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// left returns how many works are under way.
func (w *works) left() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}
