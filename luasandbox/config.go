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
	// It learns of memory when a census is taken, not before: see SECURITY.md.
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
	// Args, if not nil, are the arguments of a program run by [Sandbox.Load] or
	// [Sandbox.StartProgram] without arguments of its own: in "..." and, from 1 on,
	// in the global table arg, whose element 0 is the program's name.
	Args []string
	// Logger takes internal errors and the failures of host functions, in full,
	// each with the id that the script or the caller was shown. Nil: dropped.
	Logger *slog.Logger
}
