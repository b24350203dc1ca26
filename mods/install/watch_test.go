package install

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/trust"
)

// What is said while a host runs is known after the next refresh, and not before.
func TestWatch(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		happens func(x *fixture, s Source, feed *Feed)
		why     string
	}{
		"a key is revoked": {func(x *fixture, _ Source, feed *Feed) {
			feed.Revocations = append(feed.Revocations, trust.Revocation{KeyID: x.key.ID(), At: x.now, Reason: "stolen"})
		}, "was revoked"},
		"an advisory": {func(x *fixture, _ Source, feed *Feed) {
			feed.Advisories = append(feed.Advisories, FeedAdvisory{"MOD-1", []byte(`{"schema_version": "1.6.0", "id": "MOD-1", "modified": "2026-05-01T00:00:00Z",
				"affected": [{"package": {"ecosystem": "modrunner", "name": "weather"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}],
				"database_specific": {"severity": "critical"}}`)})
		}, "warning"},
		"a freeze": {func(x *fixture, _ Source, _ *Feed) {
			if err := x.home().Freeze(ctx, advisory.Freeze{ID: "weather", Reason: "it mines"}); err != nil {
				x.t.Fatal(err)
			}
		}, "it mines"},
		"the approval is taken back": {func(x *fixture, s Source, _ *Feed) {
			if _, err := x.home().Revoke(ctx, "weather", "changed my mind"); err != nil {
				x.t.Fatal(err)
			}
		}, "revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newFixture(t)
			s := x.mod("weather", "1.0.0", "", x.key)
			x.install(nil, s)
			var feed Feed
			w, err := x.home().Watch(ctx, func(context.Context) (Feed, error) { return feed, nil })
			if err != nil {
				t.Fatal(err)
			}
			runs := func() (bool, string) {
				d, err := w.Decide(s.Bundle)
				if err != nil {
					t.Fatal(err)
				}
				return d.Runs(), strings.Join(d.Reasons, "; ")
			}
			if ok, why := runs(); !ok {
				t.Fatal(why)
			}
			test.happens(x, s, &feed)
			if ok, why := runs(); !ok {
				t.Errorf("before the refresh: %s", why)
			}
			if err := w.Refresh(ctx); err != nil {
				t.Fatal(err)
			}
			if ok, why := runs(); ok || !strings.Contains(why, test.why) {
				t.Errorf("after the refresh it runs: %v, %q", ok, why)
			}
			// What a catalogue leaves out later of its revocations goes on to hold.
			if len(feed.Revocations) > 0 {
				feed = Feed{}
				if err := w.Refresh(ctx); err != nil {
					t.Fatal(err)
				}
				if ok, _ := runs(); ok {
					t.Error("a revocation was forgotten")
				}
			}
		})
	}
}

// Without news, and without a home that can be read, what was known goes on to hold;
// what the operator says is heard without news.
func TestWatchWithoutNews(t *testing.T) {
	ctx := context.Background()
	x := newFixture(t)
	s := x.mod("weather", "1.0.0", "", x.key)
	x.install(nil, s)
	down := errors.New("no route to host")
	w, err := x.home().Watch(ctx, func(context.Context) (Feed, error) { return Feed{}, down })
	if err != nil {
		t.Fatal(err)
	}
	if err := x.home().Freeze(ctx, advisory.Freeze{ID: "weather", Reason: "it mines"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Refresh(ctx); !errors.Is(err, down) {
		t.Error(err)
	}
	if d, _ := w.Decide(s.Bundle); d.Runs() {
		t.Error("a freeze was not heard because the catalogue was down")
	}
	x.write(policyName, []byte("permit ("))
	if err := w.Refresh(ctx); !errors.Is(err, down) || err == down {
		t.Error(err)
	}
	if d, _ := w.Decide(s.Bundle); d.Runs() {
		t.Error("a broken policy undid a freeze")
	}
}

// Run refreshes once in each period.
func TestWatchRun(t *testing.T) {
	x := newFixture(t)
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		w, err := x.home().Watch(t.Context(), func(context.Context) (Feed, error) { asked++; return Feed{}, nil })
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		told := 0
		done := make(chan struct{})
		go func() { w.Run(ctx, time.Minute, func(error) { told++ }); close(done) }()
		time.Sleep(3*time.Minute + time.Second)
		cancel()
		<-done
		if asked != 3 || told != 3 {
			t.Errorf("asked %d times, told %d times", asked, told)
		}
	})
}
