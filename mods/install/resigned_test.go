package install

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/trust"
)

// signedBy returns the same bundle with the signatures of these keys and no others.
func (x *fixture) signedBy(s Source, keys ...trust.PrivateKey) Source {
	x.t.Helper()
	without := map[string][]byte{}
	for _, f := range s.Bundle.Attachments() {
		if bundle.IsSignature(f.Path) {
			without[f.Path] = nil
		}
	}
	b, err := s.Bundle.WithAttachments(without)
	for _, key := range keys {
		if err == nil {
			b, err = trust.Sign(b, key, x.now)
		}
	}
	if err != nil {
		x.t.Fatal(err)
	}
	archive, err := archiveOf(b)
	if err != nil {
		x.t.Fatal(err)
	}
	if b, err = bundle.OpenZip(bytes.NewReader(archive), int64(len(archive)), bundle.Limits{}); err != nil {
		x.t.Fatal(err)
	}
	if b.Digest() != s.Bundle.Digest() {
		x.t.Fatal("another digest")
	}
	return Source{Name: s.Name, Bundle: b}
}

// signers says who signed the one mod that is installed, as it is locked; it has to be
// as it was locked.
func (x *fixture) signers() (publisher string, keys []string) {
	x.t.Helper()
	if _, err := x.home().Locked(context.Background()); err != nil {
		x.t.Error(err)
	}
	m := x.state().installed()[0]
	return m.Publisher, m.Keys
}

// TestResigned: what is installed can be signed anew, and that is all that changes.
func TestResigned(t *testing.T) {
	for name, more := range map[string]string{"a person approved it": asksMore, "the policy allowed it": asksStorage} {
		t.Run(name, func(t *testing.T) {
			x := newFixture(t)
			second := newKey(t)
			one := x.mod("one", "1.0.0", more, x.key)
			x.install(nil, one)
			store, err := trust.Parse(trustName, x.read(trustName))
			if err == nil {
				store, err = store.Trust(trust.Key{Public: second.Public(), Publisher: "Studio", IDs: []string{"*"}})
			}
			if err == nil {
				store, err = store.Revoke(x.key.ID(), x.now, "rotated")
			}
			if err != nil {
				t.Fatal(err)
			}
			x.write(trustName, store.Format())
			if _, err := x.home().Locked(context.Background()); !errors.As(err, new(*DriftError)) {
				t.Fatalf("its key is revoked: %v", err)
			}
			before := x.state().installed()[0]
			r := x.install(nil, x.signedBy(one, second))
			if len(r.Installed) != 1 || !r.Installed[0].Resigned || len(r.Waiting) != 0 {
				t.Fatalf("%+v", r)
			}
			if publisher, keys := x.signers(); publisher != "Studio" || len(keys) != 1 || keys[0] != second.ID() {
				t.Errorf("%s, %v", publisher, keys)
			}
			after := x.state().installed()[0]
			if !sameGrants(before.Grants, after.Grants) || before.Limits != after.Limits || before.Range != after.Range {
				t.Errorf("%+v is %+v", before, after)
			}
			if all, err := x.home().List(context.Background()); err != nil || all[0].State != "installed" {
				t.Errorf("%+v, %v", all, err)
			}
			// Again, it is the same.
			if p := x.plan(Request{Sources: []Source{x.signedBy(one, second)}}); !p.Empty() || p.Same != 1 {
				t.Errorf("%+v", p.Items)
			}
		})
	}
}

// TestSignedLater: a bundle that nobody had signed, and its publisher signs.
func TestSignedLater(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", asksHTTP)
	x.install(nil, one)
	if publisher, _ := x.signers(); publisher != "" {
		t.Fatal(publisher)
	}
	x.install(nil, x.signedBy(one, x.key))
	if publisher, keys := x.signers(); publisher != "Studio" || len(keys) != 1 {
		t.Errorf("%s, %v", publisher, keys)
	}
}

// TestResignedLibrary: so can a library that is copied into a mod.
func TestResignedLibrary(t *testing.T) {
	x := newFixture(t)
	lib := x.mod("lib.one", "1.0.0", "library = true\n")
	mod := x.mod("one", "1.0.0", "[libraries]\n\"lib.one\" = \"^1\"\n", x.key)
	x.install(nil, lib, mod)
	x.want("one 1.0.0")
	x.install(nil, x.signedBy(lib, x.key))
	x.signers()
	if l := x.state().installed()[0].Libraries; len(l) != 1 || l[0].Publisher != "Studio" {
		t.Errorf("%+v", l)
	}
}

// TestResignedByStrangers: a signature that is worth nothing takes the place of none.
func TestResignedByStrangers(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", asksHTTP, x.key)
	x.install(nil, one)
	for name, s := range map[string]Source{"unsigned": x.signedBy(one), "by a stranger": x.signedBy(one, newKey(t))} {
		if p := x.plan(Request{Sources: []Source{s}}); !p.Empty() {
			t.Errorf("%s: %+v", name, p.Items[0])
		}
		if publisher, _ := x.signers(); publisher != "Studio" {
			t.Errorf("%s: %s", name, publisher)
		}
	}
}

// TestResignedByAnother: another publisher's signature is asked about; without a yes all
// stays as it is.
func TestResignedByAnother(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", asksHTTP, x.key)
	x.install(nil, one)
	eve := x.signedBy(one, x.other())
	p := x.plan(Request{Sources: []Source{eve}})
	if len(p.Items) != 1 || !p.Items[0].Resigned || !p.Items[0].Asks() {
		t.Fatalf("%+v", p.Items)
	}
	unchanged := func(what string) {
		t.Helper()
		if publisher, _ := x.signers(); publisher != "Studio" || len(x.state().approvals.Waiting) != 0 || x.said(one).Verdict != policy.Approved {
			t.Errorf("%s: %s, %+v", what, publisher, x.state().approvals)
		}
	}
	if _, err := x.home().Apply(context.Background(), p, nil); !errors.As(err, new(*ResignedError)) {
		t.Errorf("nobody is there: %v", err)
	}
	unchanged("nobody is there")
	if _, err := x.home().Apply(context.Background(), p, map[string]Answer{one.Bundle.Digest(): {}}); !errors.As(err, new(*RefusedError)) {
		t.Errorf("no: %v", err)
	}
	unchanged("no")
	x.apply(p, map[string]Answer{one.Bundle.Digest(): {Approve: true}})
	if publisher, _ := x.signers(); publisher == "Studio" {
		t.Errorf("yes: %s", publisher)
	}
	if e := x.said(one); e.Publisher == "Studio" || e.By != "ada" {
		t.Errorf("%+v", e)
	}
}
