package mods

import (
	"context"
	"io/fs"
	"log/slog"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// Grantee is a mod that is given a capability: what [Capability].Grant, and the
// functions that it makes, may know of the mod and do for it.
//
// A Grantee lives as long as the mod is loaded; after a reload, or a quarantine,
// the mod is granted everything anew. Its methods belong to the goroutine that
// calls the capability's functions, but for ID, Options and Limits.
type Grantee struct {
	in         *instance // nil: of nobody, to describe the capability
	capability *Capability
	options    Options
	io         ioAccount
}

// ID returns the mod's id, "" for nobody.
func (g *Grantee) ID() string {
	if g.in == nil {
		return ""
	}
	return g.in.mod.id
}

// Options returns what the mod's request says.
func (g *Grantee) Options() Options { return g.options }

// Limits returns the limits of each call of the mod.
func (g *Grantee) Limits() limits.Limits {
	if g.in == nil {
		return limits.Defaults()
	}
	return g.in.edition.limits
}

// Now returns the simulation time: what [Host.Tick] was given in all.
func (g *Grantee) Now() time.Duration { return g.host().now }

// Clock returns the time of day at the beginning of the tick ([Config].Now).
func (g *Grantee) Clock() time.Time { return g.host().wall }

// Tick returns the number of the tick, from 1.
func (g *Grantee) Tick() int64 { return g.host().tick }

// Files returns the mod's own files, as they were when the mod was loaded.
func (g *Grantee) Files() fs.FS { return g.in.edition.bundle.FS() }

func (g *Grantee) host() *Host { return g.in.mod.host }

// Spend takes operations and bytes from what the mod may do with the capability
// (Capability.IO), before they are done. The error is one that the script sees.
func (g *Grantee) Spend(ops, bytes int64) error {
	return g.io.spend(g.capability.Name, g.capability.IO, g.host().tick, g.host().wall, ops, bytes)
}

// Later runs work on a goroutine of its own, and makes the script wait for what it
// returns, while the game goes on: a capability's function returns the Pending. The
// values are plain ones, as of an event. They reach the mod at the beginning of a
// later tick. ctx ends when the mod or the host does: work has to return then.
//
// At most 8 works of one mod, and 2,048 of a host, are under way at a time: beyond
// that, the error is one that the script sees.
func (g *Grantee) Later(work func(ctx context.Context) ([]any, error)) (*luasandbox.Pending, error) {
	return g.host().works.begin(g, work)
}

// Queue has a function that the mod gave to the capability called by the mod in a
// later frame, or in this one if there is time: behind what else waits for the mod.
// during says in reports what the call is for, as "door opened". The function is
// held until then, and stays the caller's to release.
//
// The errors: [ErrQueueFull], [ErrNotRunning], [luasandbox.ErrReleased].
func (g *Grantee) Queue(during string, fn *luasandbox.Function, args ...any) error {
	if g.in == nil || g.in.dropped {
		return ErrNotRunning
	}
	if err := fn.Keep(); err != nil {
		return err
	}
	j := &job{in: g.in, kind: callJob, during: during, fn: fn, args: args, release: true}
	if err := g.in.mod.enqueue(j); err != nil {
		fn.Release()
		return err
	}
	return nil
}

// Audit writes a record of what the mod does with the capability into the audit
// log. The values are escaped and cut.
func (g *Grantee) Audit(action string, attrs ...slog.Attr) {
	g.host().auditCall(g.in, g.capability.Name+"."+action, attrs)
}

// OnEnd has f called when the mod's state is dropped: after an unload, a reload, a
// quarantine, or when the host is closed. It is called once, on the goroutine of
// [Host.Tick] or [Host.Close].
func (g *Grantee) OnEnd(f func()) {
	if g.in != nil {
		g.in.onEnd = append(g.in.onEnd, f)
	}
}
