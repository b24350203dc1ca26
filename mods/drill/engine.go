package drill

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
)

// engine is the game that the drills' own mods are in: its functions fail.
type engine struct {
	world *world
	begun atomic.Int64   // works that never answer
	works sync.WaitGroup // of these, those that have not been told to end
}

// slowCall is how long a slow function takes: more than any frame may.
const slowCall = time.Minute

// capability is "drill": what the engine lets its mods do.
func (e *engine) capability() mods.Capability {
	return mods.Capability{
		Name: "drill", Risk: mods.RiskNone, Doc: "Functions of the engine's that fail.",
		IO: mods.IOLimits{Rate: 10, Burst: 5},
		Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
			return []luasandbox.Member{
				luasandbox.Func("panic", func() { panic("a bug in the engine") }, luasandbox.Doc("Panics.")),
				luasandbox.Func("slow", func() { e.world.elapsed += slowCall }, luasandbox.Doc("Takes a minute.")),
				luasandbox.Func("wait", func() (*luasandbox.Pending, error) { return e.wait(g) }, luasandbox.Doc("Never answers.")),
				luasandbox.Func("rated", func() error { return g.Spend(1, 0) }, luasandbox.Doc("May be called ten times in a second.")),
			}, nil
		},
	}
}

// wait begins work that ends when it is told to, and not before.
func (e *engine) wait(g *mods.Grantee) (*luasandbox.Pending, error) {
	e.works.Add(1)
	p, err := g.Later(func(ctx context.Context) ([]any, error) {
		defer e.works.Done()
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err != nil {
		e.works.Done()
		return nil, err
	}
	e.begun.Add(1)
	return p, nil
}

// ended waits until all works have ended, which have been told to. It reports false
// if one does not, and ctx ends or worksWait is over.
func (e *engine) ended(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, worksWait)
	defer cancel()
	done := make(chan struct{})
	go func() {
		e.works.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// worksWait is how long a work that was told to end is waited for, as long as a host
// waits in Close.
const worksWait = 10 * time.Second
