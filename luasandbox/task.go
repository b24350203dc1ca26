package luasandbox

import (
	"context"
	"slices"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// Status is how a step of a task ended.
type Status = vm.Status

// The ways a step ends without an error.
const (
	Done    = vm.Done    // the call returned: see Task.Results
	Paused  = vm.Paused  // the fuel of this step is spent
	Waiting = vm.Waiting // a host function has yet to answer
	Turn    = vm.Turn    // a host function is to be called: see Task.TakeTurn
)

// Task is a call in progress that runs for a slice at a time, on the goroutine
// that steps it. A sandbox may have several unfinished tasks; they share its
// globals, and one of them runs at a time. Its methods may be called from any
// goroutine.
type Task struct {
	s    *Sandbox
	name string
	ctx  context.Context
	run  *vm.Run

	// Belongs to whoever made the sandbox busy.
	waits     *Pending  // what it waits for, while it does
	told      bool      // Config.Answered is told of that, or will be
	turn      bool      // it waits for its turn
	waitUntil time.Time // when a Call that waits gives up, once it has waited
	ended     bool
	allocated int64 // bytes in the steps so far

	// Guarded by s.log.mu.
	results Results
	usage   Usage
}

// Start prepares a call of the global function at path, as [Sandbox.Call] finds it;
// [Task.Step] executes it. ctx ends the task when it is done, at its next step at
// the latest. What the task holds is held until it finishes or is abandoned.
//
// The errors are those of finding the function and of converting the arguments:
// [*PathError], [*ArgumentError], [*limits.Error]; and [ErrBusy], also from inside
// a host function; [ErrClosed]; [*InternalError].
func (s *Sandbox) Start(ctx context.Context, path string, args ...any) (*Task, error) {
	return s.start(ctx, target{kind: global, path: path}, args)
}

// StartFunction is [Sandbox.Start] for a function that the host was given.
func (s *Sandbox) StartFunction(ctx context.Context, fn *Function, args ...any) (*Task, error) {
	return s.start(ctx, target{kind: kept, function: fn}, args)
}

// StartProgram is [Sandbox.Start] for a program's main chunk, as [Sandbox.Load]
// runs it.
func (s *Sandbox) StartProgram(ctx context.Context, p *Program, args ...any) (*Task, error) {
	return s.start(ctx, target{kind: main, program: p}, args)
}

// StartFields is [Sandbox.Start] for a program's main chunk, as
// [Sandbox.LoadFields] runs it.
func (s *Sandbox) StartFields(ctx context.Context, p *Program, args ...any) (*Task, error) {
	return s.start(ctx, target{kind: fieldsOf, program: p}, args)
}

func (s *Sandbox) start(ctx context.Context, at target, args []any) (t *Task, err error) {
	err = s.alone(func() (err error) {
		t, err = s.prepare(ctx, at, args)
		return err
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// prepare makes a task. The sandbox is the caller's.
func (s *Sandbox) prepare(ctx context.Context, at target, args []any) (*Task, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	before := s.m.Allocated()
	t := s.rested
	if s.rested = nil; t == nil {
		t = &Task{}
	}
	t.s, t.name, t.ctx = s, at.name(), ctx
	e := encoding{s: s, m: s.m, left: maxElements}
	defer e.end(len(s.host.building))
	values, err := s.callee(&e, at, args)
	if err == nil {
		t.run, err = s.m.Start(ctx, s.entry.Value(), values...)
	}
	s.putRoom(values)
	if err != nil {
		err = s.public(err)
		s.log.refused(t.name, err)
		return nil, err
	}
	t.allocated = s.m.Allocated() - before
	s.tasks = append(s.tasks, t)
	s.log.began()
	return t, nil
}

// Step executes the task until it returns (Done), has spent fuel instructions
// (Paused), waits for a host function's answer (Waiting), or fails. limits.Unlimited
// is no such end; with fuel of 0 or less nothing is executed. A piece of work that
// cannot be cut, such as one large copy, may overdraw the fuel: later steps pay for
// it. After Waiting, Step looks whether the answer is there, and goes on if it is.
// With Config.Turns it returns Turn where a host function is to be called, and again
// until [Task.TakeTurn] has called it.
//
// The limits count over all steps together; the time between steps is not counted.
// After Done, or an error other than [ErrBusy], the task is finished.
//
// The errors: [*ScriptError], [*limits.Error], [*limits.CancelledError],
// [*ResultError] for a result that cannot be a Go value, [ErrBusy], [ErrClosed],
// [ErrFinished], [*InternalError].
func (t *Task) Step(fuel int64) (status Status, err error) {
	return t.advance(false, fuel)
}

// advance is TakeTurn or Step.
func (t *Task) advance(turn bool, fuel int64) (status Status, err error) {
	var answered func(*Task)
	err = t.s.alone(func() (err error) {
		switch {
		case t.ended:
			return ErrFinished
		case turn:
			status, err = t.takeTurn()
		default:
			status, err = t.step(fuel)
		}
		if status == Waiting && !t.told && t.s.cfg.Answered != nil {
			t.told = true
			if !t.waits.tell(waiter{t, t.s.cfg.Answered}) {
				answered = t.s.cfg.Answered
			}
		}
		return err
	})
	if answered != nil {
		answered(t)
	}
	return status, err
}

// step is Step. The sandbox is the caller's.
func (t *Task) step(fuel int64) (Status, error) {
	switch {
	case t.turn:
		return t.still(Turn)
	case t.waits != nil:
		select {
		case <-t.waits.ready():
		default:
			return t.still(Waiting)
		}
		t.waits, t.told = nil, false
		if err := t.run.Answer(); err != nil {
			t.abandonRun()
			return Done, t.finish(err)
		}
	}
	return t.execute(func(r *vm.Run) (Status, error) { return r.Step(fuel) })
}

// still is a step of a task that cannot go on.
func (t *Task) still(status Status) (Status, error) {
	if err := t.cancelled(); err != nil {
		t.abandonRun()
		return Done, t.finish(err)
	}
	return status, nil
}

// execute lets the machine run.
func (t *Task) execute(step func(*vm.Run) (Status, error)) (Status, error) {
	s := t.s
	before, elapsed := s.m.Allocated(), t.run.Elapsed()
	s.host.begin(t.ctx)
	status, err := step(t.run)
	s.host.end()
	t.allocated += s.m.Allocated() - before
	s.wall += t.run.Elapsed() - elapsed
	if dead := s.m.Dead(); dead != nil { // a nested call's
		err = dead
	}
	switch {
	case err != nil || status == Done:
		return Done, t.finish(err)
	case status == Waiting:
		if t.waits = s.host.takeWaiting(); t.waits == nil {
			t.abandonRun()
			return Done, t.finish(&vm.InternalError{Detail: "a native function waits for nothing"})
		}
	case status == Turn:
		t.turn = true
	}
	s.stepped = t
	return status, nil
}

// cancelled returns the error that the task's context ends it with, if it does.
func (t *Task) cancelled() error {
	err := t.ctx.Err()
	if err == nil {
		return nil
	}
	if err == context.DeadlineExceeded {
		return t.timeError()
	}
	return limits.Cancelled(t.ctx)
}

func (t *Task) timeError() error {
	most := t.s.m.Limits().Time
	return &limits.Error{Kind: limits.Time, Used: int64(min(t.run.Elapsed(), most)), Max: int64(most)}
}

// wait blocks until the answer that t waits for is there, t's context is done, or
// the time that a call may take is over.
func (t *Task) wait() error {
	var timeout <-chan time.Time
	if most := t.s.m.Limits().Time; most != limits.UnlimitedTime {
		if t.waitUntil.IsZero() {
			t.waitUntil = time.Now().Add(most - t.run.Elapsed())
		}
		timer := time.NewTimer(time.Until(t.waitUntil))
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-t.waits.ready():
		return nil
	case <-t.ctx.Done():
		return t.cancelled()
	case <-timeout:
		return t.timeError()
	}
}

// toEnd runs t to its end, waiting where it waits.
func (t *Task) toEnd() (Results, error) {
	host := &t.s.host
	host.turn = true
	defer func() { host.turn = false }()
	for {
		status, err := t.step(limits.Unlimited)
		switch {
		case err != nil:
			return nil, err
		case status == Done:
			return t.results, nil
		case status == Waiting:
			if err := t.wait(); err != nil {
				t.abandonRun()
				return nil, t.finish(err)
			}
		}
	}
}

// abandonRun ends the machine's run.
func (t *Task) abandonRun() {
	if t.waits != nil {
		t.waits.forget(t)
	}
	t.waits = nil
	if t.s.m.Dead() == nil && t.s.dead == nil {
		t.run.Abandon()
	}
}

// finish takes the results, notes how t ended, and returns the error for the caller.
func (t *Task) finish(err error) error {
	s := t.s
	var results Results
	if err == nil {
		results, err = s.take()
	}
	err = s.public(err)
	usage := t.measure()
	traceback := t.run.Traceback()
	t.close()
	s.log.ended(t, usage, results, false, err, traceback)
	return err
}

// close takes t off the list of unfinished tasks, and lets go of what it held.
func (t *Task) close() {
	t.ended = true
	if t.s.stepped == t {
		t.s.stepped = nil
	}
	t.run.Recycle()
	t.run, t.waits, t.ctx = nil, nil, nil
	if i := slices.Index(t.s.tasks, t); i >= 0 {
		t.s.tasks = slices.Delete(t.s.tasks, i, i+1)
	}
}

// measure returns what t has used so far.
func (t *Task) measure() Usage {
	instructions, output, hostCalls := t.run.Spent()
	memory := t.s.m.Memory()
	return Usage{
		Calls:        1,
		Instructions: instructions,
		Allocated:    t.allocated,
		HostCalls:    hostCalls,
		Output:       output,
		Wall:         t.run.Elapsed(),
		Memory:       memory,
		MemoryPeak:   max(memory, t.s.m.Peak()),
	}
}

// Results returns what the call returned, once Step has returned Done; nil before
// and after an error.
func (t *Task) Results() Results {
	t.s.log.mu.Lock()
	defer t.s.log.mu.Unlock()
	return t.results
}

// Usage returns what the task has used up to the end of its last step.
func (t *Task) Usage() Usage {
	t.s.log.mu.Lock()
	defer t.s.log.mu.Unlock()
	return t.usage
}

// Abandon ends the task where it is: nothing of the script runs any more, not even
// the error handlers around it. It costs the script nothing and may be called any
// number of times. If the sandbox is busy, the task ends when it is not.
func (t *Task) Abandon() {
	s := t.s
	s.mu.Lock()
	s.orphans = append(s.orphans, t)
	s.orphaned.Store(true)
	s.mu.Unlock()
	switch err := s.acquire(); err {
	case nil:
		s.leave()
	case ErrBusy:
	default: // there is nothing to end any more
		s.mu.Lock()
		s.orphans = nil
		s.orphaned.Store(false)
		s.mu.Unlock()
	}
}

// abandon is Abandon. The sandbox is the caller's.
func (t *Task) abandon() {
	if t.ended {
		return
	}
	t.abandonRun()
	usage := t.measure()
	t.close()
	t.s.log.ended(t, usage, nil, true, nil, "")
}

// sweep abandons the tasks that were abandoned while the sandbox was busy.
func (s *Sandbox) sweep() {
	if !s.orphaned.Load() {
		return
	}
	s.mu.Lock()
	orphans := s.orphans
	s.orphans = nil
	s.orphaned.Store(false)
	s.mu.Unlock()
	for _, t := range orphans {
		t.abandon()
	}
}
