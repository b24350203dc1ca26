package vm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"github.com/luasandbox/modrunner/limits"
)

// Status is how a step of a run ended.
type Status uint8

// The ways a step ends without an error.
const (
	Done    Status = iota // the call returned: see Run.Results
	Paused                // the fuel of this step is spent: Step again
	Waiting               // a native function awaits an answer: Run.Answer, then Step again
	Turn                  // a native function is to run where the owner chooses: Run.TakeTurn there
)

var runStatusNames = [...]string{"done", "paused", "waiting", "turn"}

// String returns the status in lower case.
func (s Status) String() string { return runStatusNames[s] }

// Errors of using a machine or a run in a way that it cannot be used.
var (
	// ErrBusy: the machine is executing something else.
	ErrBusy = errors.New("the machine is busy: another call is being executed")
	// ErrFinished: the run has returned, failed or been abandoned.
	ErrFinished = errors.New("the call is finished")
	// ErrNotWaiting: the run has no native function that awaits an answer.
	ErrNotWaiting = errors.New("the call does not wait for an answer")
	// ErrWaits: a function that waits was called by a native function through Go,
	// where nobody can answer it.
	ErrWaits = errors.New("a function that waits for an answer cannot be called from here")
)

// Run is one call from the host, in progress on its machine. Several runs of one
// machine may be unfinished at a time; one is executed at a time. A Run belongs
// to its machine's owner and is not safe for concurrent use.
type Run struct {
	m        *Machine
	th       *Thread       // the run's own stack
	cur      *Thread       // the thread that runs now
	meter    *limits.Meter // own, or of the run around it
	own      *limits.Meter
	results  []Value
	err      error
	status   Status
	started  bool
	finished bool
	outer    *Run
	ctx      context.Context
	elapsed  time.Duration // in earlier steps
	debt     int64         // instructions spent beyond the fuel of earlier steps
	call     Call

	traceback string

	// A native function suspended: what its frame held until then, for a census
	// that is taken when it goes on to find what it would have found.
	suspended bool
	held      Continuation
}

// maxNested bounds how deep native functions may call back through Go.
const maxNested = 16

// firstFrames is how many frames a run begins with.
const firstFrames = 4

// Start prepares a call of fn with args, which Step executes. Limits that are per
// call begin anew with it. ctx cancels it, and may have a nearer deadline than
// Limits.Time; a nil ctx is context.Background().
//
// It errs if the machine is dead (*InternalError).
func (m *Machine) Start(ctx context.Context, fn Value, args ...Value) (*Run, error) {
	if m.dead != nil {
		return nil, m.dead
	}
	r := m.rested
	if m.rested = nil; r == nil {
		r = &Run{own: limits.NewMeter(m.limits, &m.total)}
	} else {
		r.own.Reopen()
	}
	*r = Run{m: m, ctx: ctx, own: r.own, meter: r.own}
	r.call.m = m
	th := m.spare
	if m.spare = nil; th == nil {
		th = &Thread{header: header{kind: objThread}, host: true}
		if err := m.alloc(limits.ThreadBytes + firstFrames*limits.FrameBytes); err != nil {
			return nil, err
		}
		th.frames = make([]frame, 0, firstFrames)
	}
	th.status, th.below, th.top = Running, 0, 0
	if m.run != nil {
		th.below = m.run.cur.below + len(m.run.cur.frames)
		r.outer = m.run
	}
	m.setRoom(th)
	if err := m.growStack(th, 1+len(args)); err != nil {
		return nil, err
	}
	th.stack[0] = fn
	copy(th.stack[1:], args)
	r.th, r.cur = th, th
	m.runs = append(m.runs, r)
	return r, nil
}

// Step executes the run until it returns, fails, waits, or has spent fuel
// instructions (limits.Unlimited for no such end). Work that could not be cut
// short may overdraw the fuel; the next steps pay for it. When Step has returned
// Done or an error, the run is finished.
//
// The errors: *Error (a Lua error nothing caught), *limits.Error,
// *limits.CancelledError, *InternalError, ErrBusy, ErrFinished.
func (r *Run) Step(fuel int64) (Status, error) {
	m := r.m
	switch {
	case m.dead != nil:
		return 0, m.dead
	case r.finished:
		return 0, ErrFinished
	case m.run != r.outer:
		return 0, ErrBusy
	}
	if fuel <= 0 && r.status != Waiting {
		return Paused, nil
	}
	saved := m.enter(r, fuel)
	m.Share()
	status, err := m.protect(r)
	m.exit(r, saved)
	m.Share()
	if err == nil && status != Done {
		r.status = status
		return status, nil
	}
	r.finish(err)
	return Done, err
}

// TakeTurn goes on after Turn. It has no fuel to spend: what it spends later steps pay
// for. The function ends it with Call.Pause.
func (r *Run) TakeTurn() (Status, error) {
	debt := r.debt
	before, _, _ := r.Spent()
	r.debt = 0
	status, err := r.Step(limits.Unlimited)
	if err == nil {
		after, _, _ := r.Spent()
		r.debt = debt + before - after
	}
	return status, err
}

// activity is what a machine is doing, set aside while a nested run executes.
type activity struct {
	run      *Run
	meter    *limits.Meter
	ctx      context.Context
	slice    int64
	started  time.Duration
	deadline time.Duration
	given    int64 // the slice of the run that is entered
}

func (m *Machine) enter(r *Run, fuel int64) activity {
	m.settle()
	saved := activity{m.run, m.meter, m.ctx, m.slice, m.started, m.deadline, 0}
	m.run, m.meter, m.ctx = r, r.meter, r.ctx
	m.slice = math.MaxInt64
	if fuel != limits.Unlimited {
		m.slice = fuel + r.debt
	}
	saved.given = m.slice
	r.debt = 0
	m.started = m.look() - r.elapsed
	m.looked = true
	m.deadline = never
	if most := m.limits.Time; most < never-m.started {
		m.deadline = m.started + most
	}
	if saved.run != nil && saved.deadline < m.deadline {
		m.started, m.deadline = saved.started, saved.deadline
	}
	return saved
}

// exit ends a step. The clock was looked at when it ended.
func (m *Machine) exit(r *Run, saved activity) {
	m.settle()
	r.debt = min(m.slice, 0)
	r.elapsed = m.read - m.started
	m.run, m.meter, m.ctx = saved.run, saved.meter, saved.ctx
	spent := saved.given - m.slice
	m.slice = saved.slice
	if saved.run != nil && m.slice < limits.Unlimited/2 {
		m.slice -= spent // the outer run's slice pays for a nested run
	}
	m.started, m.deadline = saved.started, saved.deadline
}

// protect executes r. A Go panic in here is a bug, of the machine or of a native
// function: it kills the machine, not the process.
func (m *Machine) protect(r *Run) (status Status, err error) {
	defer func() {
		if p := recover(); p != nil {
			m.dead = &InternalError{Detail: fmt.Sprint(p), Stack: debug.Stack()}
			status, err = Done, m.dead
		}
	}()
	if err := m.checkDeadline(); err != nil {
		m.abort(r)
		return 0, err
	}
	if m.owed > 0 {
		n := m.owed
		m.owed = 0
		if err := m.work(n); err != nil {
			m.abort(r)
			return 0, err
		}
	}
	if !r.started {
		r.started = true
		n := r.th.top - 1
		if err := m.precall(r.th, 0, n, -1); err != nil {
			if err = m.raise(r, err); err != nil {
				return 0, err
			}
		}
	}
	status, err = m.execute(r)
	m.look()
	if status == Paused && err == nil {
		if err = m.checkDeadline(); err != nil {
			return 0, m.raise(r, err)
		}
	}
	return status, err
}

// Results returns what the call returned, once it is Done. The slice is the
// caller's.
func (r *Run) Results() []Value { return r.results }

// Err returns the error that ended the run, if one did.
func (r *Run) Err() error { return r.err }

// Traceback returns the stack where the run ended, if it ended with an error:
// that of an *Error, or the place at which a limit stopped it.
func (r *Run) Traceback() string {
	if r.err == nil {
		return r.traceback
	}
	var e *Error
	if errors.As(r.err, &e) {
		return e.Traceback
	}
	return r.traceback
}

// Finished reports whether the run has ended.
func (r *Run) Finished() bool { return r.finished }

// Status returns how the last step ended.
func (r *Run) Status() Status { return r.status }

// Use returns what the run has used so far.
func (r *Run) Use() limits.Snapshot {
	if r.m.run == r {
		r.m.settle()
	}
	return r.meter.Snapshot()
}

// Spent returns what the run has used so far of what is spent: of Use, the part that
// is asked for often.
func (r *Run) Spent() (instructions, output, hostCalls int64) {
	if r.m.run == r {
		r.m.settle()
	}
	return r.meter.Instructions().Spent(), r.meter.Output().Spent(), r.meter.HostCalls().Spent()
}

// Elapsed returns the wall time of the steps so far.
func (r *Run) Elapsed() time.Duration { return r.elapsed }

// Answer gives a waiting run the values it waits for. The values must have been
// made by the same machine. The run goes on at its next Step.
func (r *Run) Answer(vs ...Value) error {
	if r.status != Waiting || r.finished {
		return ErrNotWaiting
	}
	if r.m.run != nil {
		return ErrBusy
	}
	th := r.cur
	f := &th.frames[len(th.frames)-1]
	if err := r.m.growStack(th, int(f.base)+len(vs)); err != nil {
		return err
	}
	copy(th.stack[f.base:], vs)
	f.pc = int32(len(vs))
	th.top = int(f.base) + len(vs)
	r.status = Paused
	return nil
}

// Fail makes what a waiting run waits for an error, raised in the script where
// it waits.
func (r *Run) Fail(err error) error {
	if r.status != Waiting || r.finished {
		return ErrNotWaiting
	}
	if r.m.run != nil {
		return ErrBusy
	}
	r.cur.frames[len(r.cur.frames)-1].cont = failing{err}
	r.status = Paused
	return nil
}

type failing struct{ err error }

func (f failing) Resume(*Call) error { return f.err }
func (f failing) Trace(w *Walk) {
	if e, ok := f.err.(*Error); ok {
		w.Value(e.Value)
	}
}

// Abandon ends the run where it is. Nothing of the script runs any more.
func (r *Run) Abandon() {
	if r.finished {
		return
	}
	for o := r.m.run; o != nil; o = o.outer {
		if o == r {
			return // it is being executed
		}
	}
	r.m.abort(r)
	r.finish(ErrFinished)
}

func (r *Run) finish(err error) {
	m := r.m
	r.finished, r.err = true, err
	if m.dead == nil && r.th.status != Dead {
		m.retire(r.th)
	}
	for i, o := range m.runs {
		if o == r {
			m.runs = slices.Delete(m.runs, i, i+1)
			break
		}
	}
}

// spareStack and spareFrames are the largest stack, and the most frames, that are
// kept for the next call: 22 KB.
const (
	spareStack  = 1024
	spareFrames = 64
)

// retire keeps the stack of a call that returned for the next one. No script
// holds a host call's thread.
func (m *Machine) retire(th *Thread) {
	if m.spare != nil || len(th.stack) > spareStack {
		m.killThread(th)
		return
	}
	th.closeUpvalues(0)
	if cap(th.frames) > spareFrames {
		th.frames = nil
	}
	clear(th.frames[:cap(th.frames)])
	th.frames = th.frames[:0]
	clear(th.stack)
	th.top = 0
	m.spare = th
}

// Call calls fn and runs it to its end. From inside a native function it is a
// nested call: it is charged to the call around it too, cannot yield, wait or
// pause, and cannot nest deeper than a fixed bound. The errors are those of Step.
func (m *Machine) Call(ctx context.Context, fn Value, args ...Value) ([]Value, error) {
	depth := 0
	for r := m.run; r != nil; r = r.outer {
		depth++
	}
	if depth > maxNested {
		return nil, &Error{Value: String("C stack overflow")}
	}
	r, err := m.Start(ctx, fn, args...)
	if err != nil {
		return nil, err
	}
	defer r.Recycle()
	if r.outer != nil {
		// What the nested call spends is spent by the outer call.
		r.meter = r.outer.meter
	}
	for {
		status, err := r.Step(limits.Unlimited)
		if err != nil {
			return nil, err
		}
		switch status {
		case Done:
			return r.results, nil
		case Waiting, Turn:
			r.Abandon()
			return nil, ErrWaits
		}
	}
}

// Recycle gives a run back to its machine, which may use it for another call. Nobody
// may use it any more; the results stay the caller's. Of an unfinished run it does
// nothing.
func (r *Run) Recycle() {
	if m := r.m; r.finished && m.dead == nil {
		*r = Run{own: r.own}
		m.rested = r
	}
}

// Trim drops what the machine keeps for the speed of its next call: a stack, which
// counts as memory. The next Start makes one anew, and is charged for it.
func (m *Machine) Trim() { m.spare, m.rested = nil, nil }

// Running reports whether the machine is executing a run now.
func (m *Machine) Running() bool { return m.run != nil }

// Dead returns the *InternalError that killed the machine, or nil.
func (m *Machine) Dead() error { return m.dead }

// Release gives back everything the machine is charged for, to the parents of
// its meter too. The machine must not be used afterwards.
func (m *Machine) Release() {
	m.total.Release()
	m.dead = ErrFinished
}
