package mods

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/luasandbox/modrunner/luasandbox"
)

// taskCapability is "task": task.sleep, wait, spawn. A handler that sleeps or waits
// is parked: it goes on where it was, and other handlers of the mod run meanwhile.
func (h *Host) taskCapability() Capability {
	return Capability{Name: "task", Doc: "Wait inside a function, for some time or for an event, while the game goes on.", Risk: RiskNone,
		Grant: func(g *Grantee) ([]luasandbox.Member, error) {
			return []luasandbox.Member{
				luasandbox.Func("sleep", func(seconds float64) (*luasandbox.Pending, error) { return g.in.sleep(seconds) },
					luasandbox.Params("seconds"), luasandbox.Cost(200),
					luasandbox.Doc("Waits until the first tick that begins at least so many seconds of game time from now.")),
				luasandbox.Func("wait", func(event string, seconds *float64) (*luasandbox.Pending, error) {
					return g.in.wait(event, seconds)
				},
					luasandbox.Params("event", "seconds"), luasandbox.Cost(300),
					luasandbox.Doc("Waits for an event that the mod may receive, and returns true and its payload; or false after so many seconds of game time.")),
				luasandbox.Func("spawn", func(ctx context.Context, fn *luasandbox.Function, args ...any) error {
					return g.in.spawn(ctx, fn, args)
				},
					luasandbox.Params("fn", "args"), luasandbox.Cost(300),
					luasandbox.Doc("Has fn called with copies of args, when the function that runs now has ended or waits.")),
			}, nil
		}}
}

// sleep makes the running function wait for some simulation time.
func (in *instance) sleep(seconds float64) (*luasandbox.Pending, error) {
	if err := in.mod.current.waits(); err != nil {
		return nil, err
	}
	wait, err := simTime("task.sleep", seconds, 0)
	if err != nil {
		return nil, err
	}
	p, goOn := in.later()
	t := &timer{in: in}
	t.wake = func() {
		delete(in.timers, t.id)
		goOn()
	}
	in.startTimer(t, wait) // there are as many as tasks that wait
	return p, nil
}

// later returns an answer for the running job, and what gives it, on the goroutine
// of Tick: the job can then go on in the same frame.
func (in *instance) later() (p *luasandbox.Pending, answer func(values ...any)) {
	p = luasandbox.Later()
	j := in.mod.current
	return p, func(values ...any) {
		p.Resolve(values...)
		if j != nil && j.task != nil {
			in.mod.unpark(j.task)
		}
	}
}

// wait makes the running function wait for an event.
func (in *instance) wait(name string, seconds *float64) (*luasandbox.Pending, error) {
	if err := listed(in.subscribes, name, "subscribe"); err != nil {
		return nil, err
	}
	if err := in.mod.current.waits(); err != nil {
		return nil, err
	}
	in.waits = slices.DeleteFunc(in.waits, func(w *waiter) bool { return w.answer == nil })
	if len(in.waits) >= eventWaiters {
		return nil, scriptErrorf("task.wait: %d functions are the most that can wait for events at a time", eventWaiters)
	}
	e := &in.mod.host.events
	p, goOn := in.later()
	w := &waiter{in: in, name: name, answer: goOn}
	if seconds != nil {
		wait, err := simTime("task.wait", *seconds, 0)
		if err != nil {
			return nil, err
		}
		t := &timer{in: in}
		t.wake = func() {
			delete(in.timers, t.id)
			if w.answer != nil {
				w.answer = nil
				e.loose[name] = true
				goOn(false)
			}
		}
		in.startTimer(t, wait)
		w.until = t
	}
	in.waits = append(in.waits, w)
	e.make()
	e.waits[name] = append(e.waits[name], w)
	return p, nil
}

// done ends a wait with an event.
func (w *waiter) done(payload any) {
	answer := w.answer
	w.answer = nil
	w.in.mod.host.events.loose[w.name] = true
	if t := w.until; t != nil {
		delete(w.in.timers, t.id)
		t.stop()
	}
	answer(true, payload)
}

// spawn has a function of the mod called by itself.
func (in *instance) spawn(ctx context.Context, fn *luasandbox.Function, args []any) error {
	for i, a := range args {
		if _, err := measure(ctx, a); err != nil {
			fn.Release()
			return scriptError(fmt.Sprintf("task.spawn: argument %d for the function", i+1), err)
		}
	}
	if err := luasandbox.Charge(ctx, 0, jobBytes); err != nil {
		fn.Release()
		return err
	}
	hop := 0
	if j := in.mod.current; j != nil {
		hop = j.hop
	}
	err := in.mod.enqueue(&job{in: in, kind: spawnJob, during: "spawned task", fn: fn, args: args, release: true, hop: hop})
	if err != nil {
		fn.Release()
	}
	if errors.Is(err, ErrQueueFull) {
		return scriptErrorf("task.spawn: %d functions are the most that can wait to be called", tasksWaiting)
	}
	return err
}

// taskAnswered is called, on whatever goroutine, when a parked task can go on.
func (h *Host) taskAnswered(m *Mod, t *luasandbox.Task) {
	_ = h.tell(&answeredInput{m: m, task: t})
}
