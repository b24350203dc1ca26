package install

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Watch is a gatekeeper for a host that runs for long (mods.Gatekeeper): by what its home
// said when it looked last. Whoever refreshes it has the host ask again:
//
//	watch, err := home.Watch(ctx, news)
//	host, err := mods.Open(mods.Config{Gatekeeper: watch, ...})
//	go watch.Run(ctx, 10*time.Minute, func(err error) {
//		if err != nil {
//			log.Print(err)
//		}
//		host.Reconsider()
//	})
//
// A key that was revoked, an advisory, a freeze, an approval that was taken back: within
// one period the mods that they are about are quarantined.
type Watch struct {
	home    *Home
	news    func(context.Context) (Feed, error)
	current atomic.Pointer[Gatekeeper]
}

// Watch returns a gatekeeper by what the home says now. news asks a catalogue what it
// says of mods and keys; it may be nil.
//
// The errors: those of [Home.Gatekeeper].
func (h *Home) Watch(ctx context.Context, news func(context.Context) (Feed, error)) (*Watch, error) {
	g, err := h.Gatekeeper(ctx)
	if err != nil {
		return nil, err
	}
	w := &Watch{home: h, news: news}
	w.current.Store(g)
	return w, nil
}

// Decide decides by what was known at the last [Watch.Refresh].
func (w *Watch) Decide(b *bundle.Bundle) (policy.Decision, error) { return w.current.Load().Decide(b) }

// Refresh asks for news, takes them into the home, and looks at the home again. Where
// there are no news to be had the home is looked at all the same, and the error says
// why; where the home cannot be read, what was known goes on to hold.
//
// The errors: what news returned; those of [Home.TakeFeed] and [Home.Gatekeeper];
// several are joined.
func (w *Watch) Refresh(ctx context.Context) error {
	var failed error
	if w.news != nil {
		feed, err := w.news(ctx)
		if err == nil {
			err = w.home.TakeFeed(ctx, feed)
		}
		failed = err
	}
	g, err := w.home.Gatekeeper(ctx)
	if err != nil {
		return errors.Join(failed, err)
	}
	w.current.Store(g)
	return failed
}

// Run refreshes at the end of each period until ctx ends, and calls after with the error
// each time. A period is at least a second.
func (w *Watch) Run(ctx context.Context, every time.Duration, after func(error)) {
	ticker := time.NewTicker(max(every, time.Second))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			after(w.Refresh(ctx))
		}
	}
}
