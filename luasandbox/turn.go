package luasandbox

import (
	"errors"

	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// Anywhere declares that the function may be called from any goroutine, at the same
// time as functions of other sandboxes: with Config.Turns, it is called where the
// script runs. It cannot call back into the sandbox; that it fails to do so, with
// or without Config.Turns, is for it to return.
func Anywhere() FuncOption { return func(f *function) { f.anywhere = true } }

// errCallsBack is what a function gets that is declared with Anywhere and calls back.
var errCallsBack = errors.New("a host function that is declared with Anywhere cannot call back into the sandbox")

// turn is the rest of a native function that waits for the turn to run: all of it.
type turn struct{ body vm.Func }

func (t *turn) Trace(*vm.Walk) {}

// Resume runs the function, and stops there.
func (t *turn) Resume(c *vm.Call) error {
	return c.Pause(t.body(c))
}

// inTurn returns body as it is when functions of the host are called in turns.
func (s *Sandbox) inTurn(body vm.Func) vm.Func {
	t := &turn{body}
	return func(c *vm.Call) error {
		if s.host.turn {
			return body(c)
		}
		return c.Turn(t)
	}
}

// awaitsTurn reports whether f must not be called where the machine runs now.
func (s *Sandbox) awaitsTurn(f *function) bool {
	return s.cfg.Turns && !f.anywhere && !s.host.turn
}

// TakeTurn calls the one function of the host that the task has come to, on the
// goroutine of the caller, with all that it calls back. Then it returns Paused: the
// script goes on at the next Step; or Waiting, if the function answers later. It has no
// fuel: what the function costs, the fuel of later steps pays for.
//
// The errors are those of [Task.Step]; and [ErrNoTurn], where the last step did not
// return [Turn], which changes nothing. An error that the script can catch is the
// business of its next step.
func (t *Task) TakeTurn() (Status, error) {
	return t.advance(true, 0)
}

// takeTurn is TakeTurn. The sandbox is the caller's.
func (t *Task) takeTurn() (Status, error) {
	if !t.turn {
		return Done, ErrNoTurn
	}
	if err := t.cancelled(); err != nil {
		t.abandonRun()
		return Done, t.finish(err)
	}
	t.turn = false
	host := &t.s.host
	host.turn = true
	defer func() { host.turn = false }()
	return t.execute((*vm.Run).TakeTurn)
}
