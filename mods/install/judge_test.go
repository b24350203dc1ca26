package install

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/review"
	"github.com/luasandbox/modrunner/mods/trust"
)

// TestFacts: who reviews a bundle by themselves knows what the home knows, also what it
// took from a catalogue, and without a policy that can be read.
func TestFacts(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", "", x.key)
	ctx := context.Background()
	seen := func() *review.Review {
		t.Helper()
		in, err := x.home().Facts(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if in.Bundle != nil || in.API != x.opts.API || !in.At.Equal(x.now) {
			t.Errorf("%+v", in)
		}
		in.Bundle = one.Bundle
		r, err := review.Of(in)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := seen(); r.Signature != policy.Trusted || len(r.Advisories)+len(r.Freezes) != 0 {
		t.Fatalf("to begin with: %s, %v, %v", r.Signature, r.Advisories, r.Freezes)
	}
	x.write(policyName, []byte("no policy"))
	if _, err := x.home().Gatekeeper(ctx); err == nil {
		t.Fatal("a broken policy is none")
	}
	warning := []byte(`{"schema_version":"1.6.0","id":"EXAMPLE-1","modified":"2026-04-01T00:00:00Z","summary":"it steals",
		"affected":[{"package":{"ecosystem":"modrunner","name":"one"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}`)
	feed := Feed{Advisories: []FeedAdvisory{{"EXAMPLE-1", warning}}, Revocations: []trust.Revocation{{KeyID: x.key.ID(), At: x.now, Reason: "stolen"}}}
	if err := x.home().TakeFeed(ctx, feed); err != nil {
		t.Fatal(err)
	}
	if err := x.home().Freeze(ctx, advisory.Freeze{ID: "one", Reason: "it steals"}); err != nil {
		t.Fatal(err)
	}
	if r := seen(); r.Signature != policy.Revoked || len(r.Advisories) != 1 || len(r.Freezes) != 1 {
		t.Errorf("%s, %v, %v", r.Signature, r.Advisories, r.Freezes)
	}
}

// TestSourcesOfWarnings: a catalogue takes back its own warnings, and nobody else's.
func TestSourcesOfWarnings(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", "", x.key)
	ctx := context.Background()
	warns := func() int {
		t.Helper()
		in, err := x.home().Facts(ctx)
		if err != nil {
			t.Fatal(err)
		}
		in.Bundle = one.Bundle
		r, err := review.Of(in)
		if err != nil {
			t.Fatal(err)
		}
		return len(r.Advisories)
	}
	take := func(other bool, text string) {
		t.Helper()
		if err := x.home().TakeFeed(ctx, Feed{Other: other, Advisories: []FeedAdvisory{{"EX-1", []byte(text)}}}); err != nil {
			t.Fatal(err)
		}
	}
	const of = `"affected":[{"package":{"ecosystem":"modrunner","name":"one"},"versions":["1.0.0"]}]}`
	const warning, withdrawn = `{"id":"EX-1","modified":"2026-04-01T00:00:00Z",` + of, `{"id":"EX-1","modified":"2026-04-02T00:00:00Z","withdrawn":"2026-04-02T00:00:00Z",` + of
	take(false, warning)
	if warns() != 1 {
		t.Fatal("no warning to begin with")
	}
	take(true, withdrawn)
	if warns() != 1 {
		t.Error("another catalogue withdraws a warning of the home's own")
	}
	take(false, withdrawn)
	if warns() != 0 {
		t.Fatal("who warned cannot withdraw it")
	}
	if err := os.Mkdir(filepath.Join(x.dir, advisoriesDir), 0o700); err != nil {
		t.Fatal(err)
	}
	x.write(advisoriesDir+"/EX-1.json", []byte(warning))
	if warns() != 1 {
		t.Error("the catalogue withdraws a warning of the operator's")
	}
	take(false, warning)
	if warns() != 1 {
		t.Error("one warning counts twice")
	}
}

// TestFactsWithoutHome: where nothing is, nobody is trusted and nothing is known.
func TestFactsWithoutHome(t *testing.T) {
	h, err := Open(t.TempDir()+"/none", Options{})
	if err != nil {
		t.Fatal(err)
	}
	in, err := h.Facts(context.Background())
	if err != nil || len(in.Trust.Keys()) != 0 || in.Advisories.Len() != 0 || len(in.Freezes.List) != 0 {
		t.Errorf("%+v, %v", in, err)
	}
}

// TestUpdateThatHides: an update of the same publisher that asks for no more, and in
// which the static check finds what it did not find before, is asked about: also where
// the score cannot rise any more, where its author gave reasons, and where the version
// that was approved is not here any more.
func TestUpdateThatHides(t *testing.T) {
	noise := strings.Repeat("nofunc.x()\nstring.nosuch()\ntable.nosuch()\nmath.nosuch()\n", 3)
	for name, test := range map[string]struct {
		code, more string
		uninstall  bool
		asks       bool
	}{
		"the same":               {code: noise},
		"gone meanwhile":         {code: noise, uninstall: true, asks: true}, // nobody knows what was found in it
		"code from a text":       {code: "print(http.get) loadstring(http)()\n" + noise, asks: true},
		"a reason is given":      {code: "print(http.get) loadstring(http)()\n" + noise, more: "[exceptions]\ncode-from-string = \"trust me\"\n", asks: true},
		"reached in another way": {code: "print(http.get) _G['load' .. 'string'](http)()\n" + noise, asks: true},
	} {
		t.Run(name, func(t *testing.T) {
			x := newFixture(t)
			pack := func(version, code, more string) Source {
				_, archive := testArchive(t, "one", version, code, asksHTTP+more)
				b, err := bundle.OpenZip(bytes.NewReader(archive), int64(len(archive)), bundle.Limits{})
				if err == nil {
					b, err = trust.Sign(b, x.key, x.now)
				}
				if err != nil {
					t.Fatal(err)
				}
				return Source{Name: version, Bundle: b}
			}
			x.install(nil, pack("1.0.0", noise, ""))
			if test.uninstall {
				if _, err := x.home().Uninstall(context.Background(), "one"); err != nil {
					t.Fatal(err)
				}
			}
			p := x.plan(Request{Sources: []Source{pack("1.1.0", test.code, test.more)}})
			if i := p.Items[0]; i.Asks() != test.asks || i.Review.Since.RiskRaised {
				t.Errorf("asks: %v; %+v", i.Asks(), i.Review.Since)
			}
		})
	}
}
