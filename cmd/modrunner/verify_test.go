package main

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/trust"
)

func TestVerifySignatures(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	newKey := func() trust.PrivateKey {
		key, _, err := trust.NewUnprotectedKey()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	ada, eve := newKey(), newKey()
	trusting := func(ids ...string) *trust.Store {
		store, err := (*trust.Store)(nil).Trust(trust.Key{Public: ada.Public(), Publisher: "Ada", IDs: ids})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	revoked, err := trusting("weather").Revoke(ada.ID(), at, "stolen")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{
		"mod.toml": {Data: []byte("[mod]\nid = \"weather\"\nversion = \"1.0.0\"\n")},
		"main.lua": {Data: []byte("return 1\n")},
	}
	plain := func(more fstest.MapFS) *bundle.Bundle {
		all := fstest.MapFS{}
		for _, m := range []fstest.MapFS{files, more} {
			for path, f := range m {
				all[path] = f
			}
		}
		b, err := bundle.Open(all, bundle.Limits{})
		if err == nil {
			b, err = bundle.Pack(b)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	signed := func(b *bundle.Bundle, keys ...trust.PrivateKey) *bundle.Bundle {
		for _, key := range keys {
			if b, err = trust.Sign(b, key, at); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	// moved is another bundle with the signatures of b, and with its list if list is set.
	moved := func(b, onto *bundle.Bundle, list bool) *bundle.Bundle {
		changes := map[string][]byte{}
		for _, f := range b.Attachments() {
			if list || bundle.IsSignature(f.Path) {
				changes[f.Path], _ = b.Attachment(f.Path)
			}
		}
		onto, err := onto.WithAttachments(changes)
		if err != nil {
			t.Fatal(err)
		}
		return onto
	}
	other := plain(fstest.MapFS{"main.lua": {Data: []byte("os.exit()\n")}})
	tests := []struct {
		name     string
		b        *bundle.Bundle
		store    *trust.Store
		unsigned bool
		state    policy.Signature
		about    []string // of the problems
	}{
		{"trusted", signed(plain(nil), ada), trusting("weather"), false, policy.Trusted, nil},
		{"trusted beside a stranger", signed(plain(nil), ada, eve), trusting("weather"), false, policy.Trusted, nil},
		{"nobody", plain(nil), trusting("weather"), false, policy.Unsigned, []string{"signature"}},
		{"nobody, accepted", plain(nil), trusting("weather"), true, policy.Unsigned, nil},
		{"a stranger", signed(plain(nil), eve), trusting("weather"), false, policy.UnknownKey, []string{"signature"}},
		{"a stranger where unsigned is accepted", signed(plain(nil), eve), trusting("weather"), true, policy.UnknownKey, []string{"signature"}},
		{"without a store", signed(plain(nil), ada), nil, true, policy.UnknownKey, []string{"signature"}},
		{"for other mods", signed(plain(nil), ada), trusting("climate"), true, policy.NotEntitled, []string{"signature"}},
		{"revoked", signed(plain(nil), ada), revoked, true, policy.Revoked, []string{"signature"}},
		{"over another list", moved(signed(plain(nil), ada), other, false), trusting("weather"), true, "", []string{"signature"}},
		{"over other files", moved(signed(plain(nil), ada), other, true), trusting("weather"), true, policy.BadSig, []string{"contents"}},
	}
	for i, test := range tests {
		path := filepath.Join(t.TempDir(), "mod.zip")
		if err := test.b.WriteFile(path, false); err != nil {
			t.Fatal(err)
		}
		v := verification{unsigned: test.unsigned, store: test.store, at: at.Add(time.Hour)}
		if test.store != nil {
			v.storeFile = "trust.toml"
		}
		r := v.look(path)
		var about []string
		for _, p := range r.Problems {
			about = append(about, p.About)
		}
		if !slices.Equal(about, test.about) || (r.Status == "ok") != (len(test.about) == 0) || test.state != "" && r.Signature.State != test.state {
			t.Errorf("%d, %s: status %s, signature %s, problems %v; want %s, about %v", i, test.name, r.Status, r.Signature.State, r.Problems, test.state, test.about)
		}
		if !r.Canonical {
			t.Errorf("%s: a signature made the archive another", test.name)
		}
		if test.state == policy.Trusted && (r.Signature.Publisher != "Ada" || !slices.Contains(r.Signature.Keys, ada.ID())) {
			t.Errorf("%s: %+v", test.name, r.Signature)
		}
	}
	var e *trust.Error
	if err := signed(plain(nil), ada).WriteFile(filepath.Join(t.TempDir(), "none", "mod.zip"), false); err == nil || errors.As(err, &e) {
		t.Errorf("written into a folder that is not there: %v", err)
	}
}
