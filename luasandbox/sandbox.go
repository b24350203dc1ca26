package luasandbox

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
	"github.com/luasandbox/modrunner/stdlib"
)

// Sandbox is one jail for scripts: globals, memory, an account. It does one thing
// at a time; a call while it is busy returns [ErrBusy].
type Sandbox struct {
	state    atomic.Uint32 // idle, busy or closed
	orphaned atomic.Bool   // there are orphans

	// What follows belongs to whoever made the state busy.
	m        *vm.Machine
	cfg      Config
	host     bindings
	dead     error         // the *InternalError that ended it
	tasks    []*Task       // not finished
	stepped  *Task         // not finished, its figures not yet published
	ids      int64         // of log records
	wall     time.Duration // in all steps
	line     []byte        // print's
	tostring *vm.Native    // the library's
	entry    *vm.Native    // the function that calls from the host run
	ended    entry         // its continuation, with the results of the call that ended last
	room     []vm.Value    // for the arguments of the next call
	rested   *Task         // for the next call that no caller has a Task of

	mu      sync.Mutex // guards orphans
	orphans []*Task    // abandoned while the sandbox was busy
	log     journal
}

const (
	idle uint32 = iota
	busy
	closed
)

// clockRate is how many instructions os.clock takes for a second where the host
// gives no clock.
const clockRate = 100_000_000

var discard = slog.New(slog.DiscardHandler)

// New returns a sandbox with the safe library, what cfg grants, and nothing else.
//
// The errors: [*ConfigError] for limits or grants that are not valid; and
// [*limits.Error] if the library and the grants do not fit into the limits.
func New(cfg Config) (s *Sandbox, err error) {
	if err := cfg.Limits.Validate(); err != nil {
		return nil, &ConfigError{Field: "Limits", Err: err}
	}
	for i, g := range cfg.Grants {
		if g == nil {
			return nil, &ConfigError{Field: "Grants", Err: fmt.Errorf("grant %d is nil", i+1)}
		}
		if err := g.Err(); err != nil {
			return nil, &ConfigError{Field: "Grants", Err: err}
		}
	}
	if cfg.Logger == nil {
		cfg.Logger = discard
	}
	s = &Sandbox{cfg: cfg}
	s.m = vm.New(vm.Config{Limits: cfg.Limits, Parent: cfg.Budget, Now: cfg.Wall})
	s.log.open(&cfg, s.m.Limits())
	err = s.alone(func() error { return s.open() })
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Sandbox) open() error {
	o := stdlib.Options{Now: s.cfg.Now, Clock: s.cfg.Clock, Seed: s.cfg.Seed}
	if o.Clock == nil {
		o.Clock = func() time.Duration {
			instructions, _, _ := s.spent()
			return time.Duration(instructions) * (time.Second / clockRate)
		}
	}
	if s.cfg.Output != nil {
		o.Print = s.print
	}
	if s.cfg.Modules != nil {
		o.Require = s.module
	}
	if s.cfg.Compiled != nil {
		o.Compiled = s.compiled
	}
	if s.cfg.Resolve != nil {
		o.Resolve = s.resolve
	}
	if err := stdlib.Open(s.m, o); err != nil {
		return s.public(err)
	}
	s.tostring = s.m.Globals().GetString("tostring").AsNative()
	s.host.open(s)
	s.ended.s = s
	run, err := s.ended.native(s.m)
	if err != nil {
		return s.public(err)
	}
	s.entry = run
	for _, g := range s.cfg.Grants {
		if err := g.install(s); err != nil {
			var limit *limits.Error
			if errors.As(err, &limit) {
				return limit
			}
			return &ConfigError{Field: "Grants", Err: err}
		}
	}
	return nil
}

// Close gives back what the sandbox is charged for and drops all that it holds;
// unfinished tasks are abandoned. Afterwards every call returns [ErrClosed]. It may
// be called any number of times. While a call runs Close does nothing and returns
// [ErrBusy]: cancel the call's context first, and wait for it to return.
func (s *Sandbox) Close() error {
	if !s.state.CompareAndSwap(idle, busy) {
		if s.state.Load() == closed {
			return nil
		}
		return ErrBusy
	}
	defer s.state.Store(closed)
	s.sweep()
	for len(s.tasks) > 0 {
		s.tasks[0].abandon()
	}
	s.publish()
	s.log.setState("closed")
	s.m.Release()
	s.m, s.line, s.host, s.tostring, s.entry, s.ended = nil, nil, bindings{}, nil, nil, entry{}
	s.room, s.rested = nil, nil
	s.cfg = Config{Name: s.cfg.Name, Logger: s.cfg.Logger}
	return nil
}

// Trim drops what the sandbox keeps between calls so that the next one is fast: a
// stack, which counts as the script's memory, and some buffers; 1 KB after small
// calls, 28 KB at most. The next call makes them anew, and the sandbox is charged for
// that. It is for a sandbox that will be idle for long, and changes nothing that a
// script can see but what collectgarbage("count") tells.
//
// The errors: [ErrBusy], also from inside a host function; [ErrClosed];
// [*InternalError].
func (s *Sandbox) Trim() error {
	return s.alone(func() error {
		s.m.Trim()
		s.line, s.room, s.rested = nil, nil, nil
		return nil
	})
}

// acquire makes the sandbox busy until leave is called. The errors are [ErrBusy],
// [ErrClosed] and, of a dead sandbox, its [*InternalError].
func (s *Sandbox) acquire() error {
	if !s.state.CompareAndSwap(idle, busy) {
		if s.state.Load() == closed {
			return ErrClosed
		}
		return ErrBusy
	}
	if s.dead != nil {
		s.state.Store(idle)
		return s.dead
	}
	s.sweep()
	s.m.Share()
	return nil
}

// spent returns what was ever charged to the account of the sandbox's whole life.
func (s *Sandbox) spent() (instructions, output, hostCalls int64) {
	total := s.m.Total()
	return total.Instructions().Spent(), total.Output().Spent(), total.HostCalls().Spent()
}

func (s *Sandbox) leave() {
	for {
		s.sweep()
		s.m.Share() // what was made outside of any step
		s.publish()
		s.state.Store(idle)
		// A task abandoned since the sweep found the sandbox busy.
		if !s.orphaned.Load() || !s.state.CompareAndSwap(idle, busy) {
			return
		}
	}
}

// alone runs f while nobody else can use the sandbox. A panic in f, or f leaving
// by runtime.Goexit, is the death of the sandbox, whose state nobody can know then.
func (s *Sandbox) alone(f func() error) (err error) {
	if err := s.acquire(); err != nil {
		return err
	}
	ended := false
	defer func() {
		if !ended {
			cause := recover()
			if cause == nil {
				cause = "the goroutine ended inside a call (runtime.Goexit)"
			}
			err = s.kill(cause, debug.Stack())
		}
		s.leave()
	}()
	err = f()
	ended = true
	return err
}

// kill makes err, a panic's value or the machine's own error, the end of the
// sandbox and returns what callers are told.
func (s *Sandbox) kill(cause any, stack []byte) error {
	if s.dead == nil {
		id := s.nextID()
		s.dead = &InternalError{ID: id}
		s.log.setState("dead")
		s.report("internal error", id, "", cause, stack)
	}
	return s.dead
}

// nextID returns a new id for the host's log.
func (s *Sandbox) nextID() string {
	s.ids++
	return strconv.FormatInt(s.ids, 10)
}

// hostError logs the failure of a host function in full and returns the error
// that scripts and callers may see. stack may be nil.
func (s *Sandbox) hostError(function string, cause any, stack []byte) *HostError {
	id := s.nextID()
	s.report("host error", id, function, cause, stack)
	return &HostError{ID: id, Function: function}
}

// report writes one record to the host's log, whose failures are its own.
func (s *Sandbox) report(msg, id, function string, cause any, stack []byte) {
	defer func() { _ = recover() }()
	args := []any{"sandbox", s.cfg.Name, "id", id, "cause", cause}
	if function != "" {
		args = append(args, "function", function)
	}
	if stack != nil {
		args = append(args, "stack", string(stack))
	}
	s.cfg.Logger.Error(msg, args...)
}

// public turns an error of the machine into one of the package's.
func (s *Sandbox) public(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*vm.Error); ok {
		return s.scriptError(e)
	}
	var internal *vm.InternalError
	if errors.As(err, &internal) {
		return s.kill(internal.Detail, internal.Stack)
	}
	var limit *limits.Error
	if errors.As(err, &limit) {
		return limit
	}
	var cancelled *limits.CancelledError
	if errors.As(err, &cancelled) {
		return cancelled
	}
	switch {
	case errors.Is(err, vm.ErrBusy):
		return ErrBusy
	case errors.Is(err, vm.ErrFinished):
		return ErrFinished
	case errors.Is(err, vm.ErrWaits):
		return ErrWaits
	}
	return err
}

func (s *Sandbox) scriptError(e *vm.Error) *ScriptError {
	return &ScriptError{Message: e.Error(), Value: plain(e.Value), Traceback: e.Traceback, Chunk: e.Chunk, Line: e.Line, Err: e.Err}
}
