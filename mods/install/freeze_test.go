package install

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/trust"
)

func TestFreezeAndThaw(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", "", x.key)
	x.install(nil, one)
	ctx := context.Background()
	runs := func() bool {
		keeper, err := x.home().Gatekeeper(ctx)
		if err != nil {
			t.Fatal(err)
		}
		d, err := keeper.Decide(one.Bundle)
		if err != nil {
			t.Fatal(err)
		}
		return d.Runs()
	}
	if !runs() {
		t.Fatal("it does not run to begin with")
	}
	for _, f := range []advisory.Freeze{{ID: "one"}, {Digest: one.Bundle.Digest()}, {Key: x.key.ID()}} {
		f.Name, f.Reason = "test", "it steals"
		if err := x.home().Freeze(ctx, f); err != nil {
			t.Fatal(err)
		}
		if runs() {
			t.Errorf("%v: it runs", f)
		}
		if all, err := x.home().List(ctx); err != nil || all[0].State != "blocked" {
			t.Errorf("%+v, %v", all, err)
		}
		if err := x.home().Thaw(ctx, "test", "mended"); err != nil {
			t.Fatal(err)
		}
		if !runs() {
			t.Errorf("%v: it does not run again", f)
		}
	}
	if err := x.home().Thaw(ctx, "test", ""); !errors.As(err, new(*UnknownError)) {
		t.Errorf("%v", err)
	}
}

func TestFeed(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", "", x.key)
	x.install(nil, one)
	ctx := context.Background()
	blocked := func() bool {
		t.Helper()
		all, err := x.home().List(ctx)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		return all[0].State == "blocked"
	}
	warning := []byte(`{"schema_version":"1.6.0","id":"EXAMPLE-1","modified":"2026-04-01T00:00:00Z","published":"2026-04-01T00:00:00Z","summary":"it steals",
		"database_specific":{"severity":"CRITICAL"},
		"affected":[{"package":{"ecosystem":"modrunner","name":"one"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}`)
	if blocked() {
		t.Fatal("blocked to begin with")
	}
	if err := x.home().TakeFeed(ctx, Feed{Advisories: []FeedAdvisory{{"EXAMPLE-1", warning}}}); err != nil {
		t.Fatal(err)
	}
	if !blocked() {
		t.Error("a critical warning does not block")
	}
	if err := x.home().TakeFeed(ctx, Feed{Other: true}); err != nil {
		t.Fatal(err)
	}
	if !blocked() {
		t.Error("another catalogue takes a warning back")
	}
	if err := x.home().TakeFeed(ctx, Feed{}); err != nil {
		t.Fatal(err)
	}
	if blocked() {
		t.Error("a warning that was taken back blocks")
	}
	at := x.state().Sequence()
	if err := x.home().TakeFeed(ctx, Feed{}); err != nil || x.state().Sequence() != at {
		t.Errorf("the same feed is a change: %v", err)
	}
	if err := x.home().TakeFeed(ctx, Feed{Revocations: []trust.Revocation{{KeyID: x.key.ID(), At: x.now.Add(time.Hour), Reason: "stolen"}}}); err != nil {
		t.Fatal(err)
	}
	if !blocked() {
		t.Error("a revoked key does not block")
	}
	// A revocation is for good, though the catalogue tells of it no more.
	if err := x.home().TakeFeed(ctx, Feed{}); err != nil {
		t.Fatal(err)
	}
	if !blocked() {
		t.Error("a revocation is forgotten")
	}
	if _, err := x.home().Locked(ctx); !errors.As(err, new(*DriftError)) {
		t.Errorf("%v", err)
	}
}

// A freeze by key holds for what the key is known to have signed, also when somebody
// has taken the signature away, which leaves the digest.
func TestFreezeOfStrippedSignature(t *testing.T) {
	x := newFixture(t)
	s := x.mod("weather", "1.0.0", "", x.key)
	x.install(nil, s)
	stripped := map[string][]byte{}
	for _, a := range s.Bundle.Attachments() {
		if bundle.IsSignature(a.Path) {
			stripped[a.Path] = nil
		}
	}
	unsigned, err := s.Bundle.WithAttachments(stripped)
	if err != nil || unsigned.Digest() != s.Bundle.Digest() || len(stripped) != 1 {
		t.Fatalf("%v, %d signatures", err, len(stripped))
	}
	frozen := func() bool {
		g, err := x.home().Gatekeeper(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d, err := g.Decide(unsigned)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(strings.Join(d.Reasons, "; "), "frozen")
	}
	if err := x.home().Freeze(t.Context(), advisory.Freeze{Key: x.other().ID(), Reason: "another key"}); err != nil {
		t.Fatal(err)
	}
	if frozen() {
		t.Error("frozen by the freeze of another key")
	}
	if err := x.home().Freeze(t.Context(), advisory.Freeze{Key: x.key.ID(), Reason: "stolen"}); err != nil {
		t.Fatal(err)
	}
	if !frozen() {
		t.Error("who takes the signature away escapes the freeze of its key")
	}
}
