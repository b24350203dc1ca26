package install

import (
	"context"
	"testing"

	"github.com/luasandbox/modrunner/mods/manifest"
)

// TestOriginStays: the lock says where a mod came from, also after it waited, was
// approved again, or was parked.
func TestOriginStays(t *testing.T) {
	x := newFixture(t)
	ctx := context.Background()
	any, err := manifest.ParseRange("*")
	if err != nil {
		t.Fatal(err)
	}
	one, two := x.mod("one", "1.0.0", asksHTTP, x.key), x.mod("two", "1.0.0", asksHTTP, x.key)
	catalog := testCatalog{"one": {one}}
	r := x.apply(x.plan(Request{Wants: []manifest.Requirement{{ID: "one", Range: any}}, Sources: []Source{two}, Catalog: catalog}), nil)
	if len(r.Waiting) != 2 {
		t.Fatalf("%+v", r)
	}
	check := func(what string) {
		t.Helper()
		got := map[string]string{}
		for _, m := range x.state().installed() {
			got[m.ID] = m.Source
		}
		if got["one"] != fromCatalog || got["two"] != fromFile {
			t.Errorf("%s: %v", what, got)
		}
	}
	approve := func() {
		t.Helper()
		for _, id := range []string{"one", "two"} {
			item, err := x.home().Review(ctx, id)
			if err == nil {
				_, err = x.home().Approve(ctx, item, Answer{Approve: true})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	approve()
	check("after they waited")
	approve()
	check("approved again")
	for _, id := range []string{"one", "two"} {
		if _, err := x.home().Revoke(ctx, id, ""); err != nil {
			t.Fatal(err)
		}
	}
	approve()
	check("revoked and approved")
}
