package luasandbox

import (
	"io"
	"log/slog"
	"time"

	"github.com/luasandbox/modrunner/limits"
)

// Config says what a sandbox may use and reach. The zero Config is the strictest
// sensible one: default limits, nothing of the host's, no output, a clock that
// stands still.
//
// The functions in it are called on the goroutine that runs the script, while it
// runs. They must not use the sandbox (they would get [ErrBusy]). A panic in Output
// or Modules is a failure like a host function's; a panic in a clock is the end of
// the sandbox ([*InternalError]). Neither leaves it.
type Config struct {
	// Name stands for the sandbox in logs and reports. Scripts do not see it.
	Name string
	// Limits bound each call (instructions, time, output, host calls) and the
	// sandbox as a whole (memory, coroutines). Zero fields are defaults.
	Limits limits.Limits
	// Budget is an account that this sandbox's use is charged to as well, besides
	// its own: a tick's, or a player's. Sandboxes with a common Budget belong to
	// one goroutine at a time. Its limits are also the highest that one call of
	// this sandbox has. Who made it refills it. Nil: none.
	// At the end of each call and step, what they hold together is within its memory
	// limit and a quarter; its figure is an upper bound of that. A sandbox is refused
	// memory when what is live does not fit, not for the garbage of others: those count
	// what they hold, and pay for that in their next call. The Budget holds on to the
	// sandbox until Close.
	Budget *limits.Meter
	// Grants are what the script may reach beyond the safe library. Nil: nothing.
	Grants []*Grant
	// Output takes what print writes: one Write for each line, with its newline,
	// after the line was charged to Limits.Output. The bytes are the script's own,
	// not escaped. A Write that fails is a host error for the script; later lines
	// are tried anew. Nil: lines are charged and dropped.
	Output io.Writer
	// Now is the clock of os.time and os.date, shown in UTC. Nil: always the
	// beginning of the year 2000.
	Now func() time.Time
	// Clock is what os.clock tells. Nil: derived from the instructions spent, one
	// second for each 100,000,000.
	Clock func() time.Duration
	// Wall is the clock that Limits.Time is measured by. Nil: time.Now.
	Wall func() time.Time
	// Seed begins the sequence of math.random: the same seed, the same sequence.
	Seed uint64
	// Modules returns the source text of one of the script's own modules for
	// require, and the name by which messages show it. name consists of 1 to 200
	// letters, digits and "_.-/"; that it leads nowhere else is for Modules to see
	// to. Nil: there is no function require.
	Modules func(name string) (chunk, source string, ok bool)
	// Compiled returns such a module where the host has compiled it, and is asked
	// before Modules; nil if there is none of that name. The error says what is wrong
	// with its source, for the script to read. Compiling takes long, and Limits.Source
	// is for what a script compiles: a host with frames to make compiles a mod's own
	// files before.
	Compiled func(name string) (*Program, error)
	// Resolve says which module a chunk means by a name, for scripts whose files come
	// from several hands: the name under which it is known to Modules and Compiled, and
	// run once. False: no module but one of the standard library's. Nil: every name
	// means itself.
	Resolve func(name, chunk string) (module string, ok bool)
	// Args, if not nil, are the arguments of a program run by [Sandbox.Load] or
	// [Sandbox.StartProgram] without arguments of its own: in "..." and, from 1 on,
	// in the global table arg, whose element 0 is the program's name.
	Args []string
	// Answered is told that the answer is there which a task of this sandbox waits for:
	// once for each time that [Task.Step] or [Task.TakeTurn] returns [Waiting] where it
	// did not wait before. It is called on the goroutine of [Pending.Resolve] or
	// [Pending.Reject], perhaps before that Step has returned; or, if the answer came in
	// the meantime, by that Step, at its end. It must not block, and must not use the
	// sandbox: it hands the task to whoever steps it. It is not called for a
	// task that was abandoned, or ended by its context, before the answer; if that
	// happens at the same time, it may be. A plain Call waits by itself. Nil: nobody is
	// told.
	Answered func(*Task)
	// Observe is told of each execution of a host function, method or property, when it
	// has ended, in whatever way, on the goroutine that executed it: of one that a
	// callback called before the one around it. One that answers later is told of twice.
	// Observe must not use the sandbox; a panic in it is the end of the sandbox. What
	// scripts can see, and what is charged, is the same with and without it. Nil: nobody
	// is told.
	Observe func(HostCall)
	// Turns lets a game step sandboxes on several goroutines while its own functions are
	// called on one: a [Task.Step] that comes to a function, method or property of the
	// host's that is not declared with [Anywhere] does not call it, but returns [Turn],
	// and [Task.TakeTurn] calls it. The answer of a function that answers later is taken
	// in a turn, too. What is charged and what scripts see is the same with and without
	// Turns. A plain [Sandbox.Call] calls everything itself, where it is.
	//
	// Output, Modules, Logger and the clocks are still called where the script runs, so
	// that with several goroutines those that sandboxes share must bear that.
	Turns bool
	// Logger takes internal errors and the failures of host functions, in full,
	// each with the id that the script or the caller was shown. Nil: dropped.
	Logger *slog.Logger
}
