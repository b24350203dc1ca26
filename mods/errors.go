package mods

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// Why a host or a mod cannot do what it was asked to.
var (
	// ErrBusy: a Tick, Stop, Save, Restore or Close is being executed, on another
	// goroutine or further up on this one.
	ErrBusy = errors.New("host is busy: one Tick, Stop, Save, Restore or Close at a time, and none from inside a mod's call")
	// ErrClosed: the host was closed.
	ErrClosed = errors.New("host is closed")
	// ErrStopped: there are no ticks after Stop.
	ErrStopped = errors.New("host was stopped")
	// ErrQueueFull: more waits for the mod, or the host, than is kept.
	ErrQueueFull = errors.New("too much waits to be done")
	// ErrNoMod: there is no mod with this id.
	ErrNoMod = errors.New("there is no such mod")
	// ErrNotRunning: the mod is not running (any more).
	ErrNotRunning = errors.New("mod is not running")
	// ErrNoFunction: the table that the mod's main file returned has no such function.
	ErrNoFunction = errors.New("the mod has no such function")
	// ErrNoAnswer: no mod answered a question, and it has no fallback.
	ErrNoAnswer = errors.New("no mod answered")
	// ErrPending: a reply is not there yet.
	ErrPending = errors.New("the reply is not there yet")
)

// TickError is a duration that [Host.Tick] cannot take.
type TickError struct{ DT time.Duration }

// Error says what would be right.
func (e *TickError) Error() string {
	return fmt.Sprintf("tick: %v of simulation time; want 0 to %v", e.DT, MaxTick)
}

// CallError is a [Host.Call] that did not come to its end.
type CallError struct {
	Mod, Function string
	Err           error
}

// Error names the mod, the function and the reason.
func (e *CallError) Error() string {
	return fmt.Sprintf("call of %q in mod %q: %v", e.Function, e.Mod, e.Err)
}

// Unwrap returns the reason.
func (e *CallError) Unwrap() error { return e.Err }

// ReloadError is a reload that did not happen: the mod is as it was.
type ReloadError struct {
	Mod string
	Err error
}

// Error names the mod and the reason.
func (e *ReloadError) Error() string { return fmt.Sprintf("reload of mod %q: %v", e.Mod, e.Err) }

// Unwrap returns the reason.
func (e *ReloadError) Unwrap() error { return e.Err }

// LeakError says that work of capabilities did not end although it was told to.
type LeakError struct{ Works int }

// Error says how much it is.
func (e *LeakError) Error() string {
	return fmt.Sprintf("%d works of capabilities did not end within %v after the host was closed", e.Works, closeWait)
}

// PermissionError is the refusal of a mod that asks for what it may not have.
// Its Err has the place in the manifest.
type PermissionError struct {
	Mod        string
	Capability string
	Unknown    bool // the host has no such capability; otherwise the policy does not allow it
	Err        *manifest.Problem
}

// Error is that of the problem.
func (e *PermissionError) Error() string { return e.Err.Error() }

// Unwrap returns the [*manifest.Problem].
func (e *PermissionError) Unwrap() error { return e.Err }

// APIError is the refusal of a mod that was written for another version of the
// host's API, or of one capability. Its Err has the place in the manifest.
type APIError struct {
	Mod        string
	Capability string // "" for the API as a whole
	Want       string // the range in the manifest
	Have       string // the host's version, or versions
	Err        *manifest.Problem
}

// Error is that of the problem.
func (e *APIError) Error() string { return e.Err.Error() }

// Unwrap returns the [*manifest.Problem].
func (e *APIError) Unwrap() error { return e.Err }

// DuplicateError is the refusal of a mod whose id another one has that was
// accepted before.
type DuplicateError struct {
	ID     string
	Source string // of the refused mod
	First  string // source of the mod that was added first
}

// Error names the id and both sources.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("%s: the id %q belongs to %s already; only one of them can run", escape(e.Source), e.ID, escape(e.First))
}

// CapacityError is the refusal of a mod whose memory limit is more than the host has
// left ([Config].Memory).
type CapacityError struct {
	Mod        string
	Need, Left int64 // bytes
}

// Error says what would help.
func (e *CapacityError) Error() string {
	return fmt.Sprintf("mod %q may use %s of memory; the host has %s left for mods. A lower limit under [limits] in its manifest helps, or a larger Memory of the host", e.Mod, limits.FormatSize(e.Need), limits.FormatSize(e.Left))
}

// DependencyReason says what is wrong between mods.
type DependencyReason string

// The reasons of a [DependencyError].
const (
	DependencyMissing  DependencyReason = "missing"  // there is no such mod
	DependencyVersion  DependencyReason = "version"  // it is there in another version
	DependencyRefused  DependencyReason = "refused"  // it is there and was refused itself
	DependencyCycle    DependencyReason = "cycle"    // mods need each other in a circle
	DependencyConflict DependencyReason = "conflict" // a mod is there that must not be
)

// DependencyError is the refusal of a mod because of another one. Its Err has
// the place in the manifest.
type DependencyError struct {
	Mod    string
	On     string // the other mod
	Reason DependencyReason
	Want   string   // the range in the manifest
	Have   string   // the version that is there, if one is
	Cycle  []string // of a cycle: each needs the next; first and last are Mod
	Err    *manifest.Problem
}

// Error is that of the problem.
func (e *DependencyError) Error() string { return e.Err.Error() }

// Unwrap returns the [*manifest.Problem].
func (e *DependencyError) Unwrap() error { return e.Err }

// GrantError is the refusal of a mod because a capability could not be given to
// it, for example because its saved values are damaged (a [*storage.Error]).
type GrantError struct {
	Mod        string
	Capability string
	Err        error
}

// Error names the mod, the capability and the reason.
func (e *GrantError) Error() string {
	return fmt.Sprintf("mod %q: capability %q: %v", e.Mod, e.Capability, e.Err)
}

// Unwrap returns the reason.
func (e *GrantError) Unwrap() error { return e.Err }

// HookError is a mod whose main file does not return what it should.
type HookError struct {
	Mod    string
	Entry  string
	Reason string
}

// Error names the file and what would be right.
func (e *HookError) Error() string {
	return fmt.Sprintf("%s: %s; it returns a table of hooks, such as {tick = function(n, dt) ... end}, or nothing", e.Entry, e.Reason)
}

func cycleText(cycle []string) string { return strings.Join(cycle, " needs ") }

// scriptErrorf is an error whose message the script may see.
func scriptErrorf(format string, args ...any) error { return luasandbox.Errorf(format, args...) }
