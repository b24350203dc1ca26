package trust_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/trust"
)

// TestVerify has each refusal, with one signature.
func TestVerify(t *testing.T) {
	key, stranger := keyOf(t, 7), keyOf(t, 9)
	good := signed(t, weather(t), key)
	file := signatureOf(t, good, key)
	trusted := ada(key)
	with := func(change func(*trust.Key)) *trust.Store {
		k := trusted
		change(&k)
		return storeOf(t, k)
	}
	must := func(s *trust.Store, err error) *trust.Store {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	store := storeOf(t, trusted)
	cases := []struct {
		name  string
		b     *bundle.Bundle
		store *trust.Store
		at    time.Time
		want  trust.Reason // "": trusted
		state policy.Signature
	}{
		{"good", good, store, now, "", policy.Trusted},
		{"good for an exact id", good, with(func(k *trust.Key) { k.IDs = []string{"com.ada.weather"} }), now, "", policy.Trusted},
		{"good for every id", good, with(func(k *trust.Key) { k.IDs = []string{"*"} }), now, "", policy.Trusted},

		{"nobody is trusted", good, nil, now, trust.UnknownKey, policy.UnknownKey},
		{"nobody is trusted, zero store", good, &trust.Store{}, now, trust.UnknownKey, policy.UnknownKey},
		{"other key is trusted", good, storeOf(t, ada(stranger)), now, trust.UnknownKey, policy.UnknownKey},
		{"unsigned", weather(t), store, now, trust.Unsigned, policy.Unsigned},
		{"not packed", unpacked(t, "com.ada.weather", "1.2.0", "return 1"), store, now, trust.Unsigned, policy.Unsigned},
		{"signed and not packed", attach(t, unpacked(t, "com.ada.weather", "1.2.0", "return 1"), nameOf(key), file), store, now, trust.WrongContents, policy.BadSig},
		{"no list", attach(t, good, ".pack/contents", nil), store, now, trust.WrongContents, policy.BadSig},
		{"other list", attach(t, good, ".pack/contents", []byte("modrunner contents 1\n")), store, now, trust.WrongContents, policy.BadSig},
		{"other list, unsigned", attach(t, weather(t), ".pack/contents", []byte("modrunner contents 1\n")), store, now, trust.WrongContents, policy.BadSig},
		{"attached later", attach(t, good, ".pack/sbom.json", []byte("{}")), store, now, trust.WrongContents, policy.BadSig},

		{"other file", attach(t, packed(t, "com.ada.weather", "1.2.0", "return 2"), nameOf(key), file), store, now, trust.WrongBytes, policy.BadSig},
		{"other version", attach(t, packed(t, "com.ada.weather", "1.2.1", "return 1"), nameOf(key), file), store, now, trust.WrongBytes, policy.BadSig},
		{"other mod", attach(t, packed(t, "com.ada.climate", "1.2.0", "return 1"), nameOf(key), file), store, now, trust.WrongBytes, policy.BadSig},
		{"by another key of the same id", signed(t, weather(t), keyWithID(t, 9, 0x07<<56|7)), store, now, trust.WrongBytes, policy.BadSig},
		{"garbage", attach(t, good, nameOf(key), []byte("hello")), store, now, trust.Malformed, policy.BadSig},
		{"empty", attach(t, good, nameOf(key), []byte{}), store, now, trust.Malformed, policy.BadSig},
		{"large", attach(t, good, nameOf(key), make([]byte, 1<<20)), store, now, trust.Malformed, policy.BadSig},
		{"of an unknown key, garbage", attach(t, weather(t), nameOf(stranger), []byte("hello")), store, now, trust.Malformed, policy.BadSig},
		{"named for another key", attach(t, weather(t), nameOf(stranger), file), store, now, trust.WrongKeyID, policy.BadSig},
		{"named for a trusted key", attach(t, weather(t), nameOf(key), signatureOf(t, signed(t, weather(t), stranger), stranger)), store, now, trust.WrongKeyID, policy.BadSig},
		{"by an unknown key, of another mod", attach(t, weather(t), nameOf(stranger), signatureOf(t, signed(t, packed(t, "com.ada.climate", "1.2.0", "return 1"), stranger), stranger)), store, now, trust.OtherMod, policy.Mismatch},

		{"not entitled", good, with(func(k *trust.Key) { k.IDs = []string{"com.ada.climate", "weather", "com.adam.*", "com.ada.weather.*"} }), now, trust.NotEntitled, policy.NotEntitled},
		{"expired", good, with(func(k *trust.Key) { k.Until = now.Add(-time.Second) }), now, trust.Expired, policy.Expired},
		{"expired just now", good, with(func(k *trust.Key) { k.Until = now }), now, trust.Expired, policy.Expired},
		{"expires next", good, with(func(k *trust.Key) { k.Until = now.Add(time.Second) }), now, "", policy.Trusted},
		{"expired after it was signed", good, with(func(k *trust.Key) { k.Until = now.Add(-time.Hour) }), now, trust.Expired, policy.Expired},
		{"not yet", good, with(func(k *trust.Key) { k.From = now.Add(time.Second) }), now, trust.NotYetValid, policy.Expired},
		{"valid just now", good, with(func(k *trust.Key) { k.From = now }), now, "", policy.Trusted},
		{"clock behind", good, store, now.Add(-2*day - time.Second), trust.FromFuture, policy.Expired},
		{"clock a bit behind", good, store, now.Add(-2 * day), "", policy.Trusted},
		{"no clock", good, store, time.Time{}, trust.FromFuture, policy.Expired},
		{"signed long ago", good, store, now.Add(1000 * day), "", policy.Trusted},

		{"revoked", good, must(store.Revoke(key.ID(), now, "stolen")), now, trust.Revoked, policy.Revoked},
		{"revoked after it was signed", good, must(store.Revoke(key.ID(), now.Add(-time.Minute), "")), now, trust.Revoked, policy.Revoked},
		{"revoked from tomorrow on", good, must(store.Revoke(key.ID(), now.Add(day), "")), now, trust.Revoked, policy.Revoked},
		{"revoked and not in the store", good, must((*trust.Store)(nil).Revoke(key.ID(), now, "")), now, trust.Revoked, policy.Revoked},
		{"revoked and bad", attach(t, packed(t, "com.ada.weather", "1.2.0", "return 2"), nameOf(key), file), must(store.Revoke(key.ID(), now, "")), now, trust.WrongBytes, policy.BadSig},
		{"revoked and not entitled", good, must(with(func(k *trust.Key) { k.IDs = []string{"weather"} }).Revoke(key.ID(), now, "")), now, trust.Revoked, policy.Revoked},
	}
	for _, c := range cases {
		r := c.store.Verify(c.b, c.at)
		if r.Signature != c.state {
			t.Errorf("%s: %s, want %s (%v)", c.name, r.Signature, c.state, r.Err)
		}
		if c.want == "" {
			if r.Err != nil || r.Publisher != "Ada" || !slices.Equal(r.Keys, []string{key.ID()}) || !r.Signers[0].Time.Equal(now.Add(-day)) {
				t.Errorf("%s: %+v", c.name, r)
			}
			continue
		}
		if !isReason(r.Err, c.want) || r.Publisher != "" || r.Keys != nil {
			t.Errorf("%s: %+v, want %s", c.name, r, c.want)
		}
		if strings.Contains(r.Err.Error(), "\n") {
			t.Errorf("%s: %q has several lines", c.name, r.Err)
		}
		for _, s := range r.Signers {
			if s.Signature == policy.Trusted || !isReason(s.Err, c.want) {
				t.Errorf("%s: signer %+v", c.name, s)
			}
		}
	}
}

// TestSeveralSignatures has what several of them mean together.
func TestSeveralSignatures(t *testing.T) {
	mine, curator, stranger, old, other, stolen := keyOf(t, 9), keyOf(t, 5), keyOf(t, 1), keyOf(t, 2), keyOf(t, 3), keyOf(t, 4)
	store := storeOf(t, ada(mine),
		trust.Key{Public: curator.Public(), Publisher: "Curator", IDs: []string{"*"}},
		trust.Key{Public: old.Public(), Publisher: "Ada, 2024", IDs: []string{"com.ada.*"}, Until: now},
		trust.Key{Public: other.Public(), Publisher: "Bob", IDs: []string{"com.bob.*"}},
		ada(stolen))
	store, err := store.Revoke(stolen.ID(), now, "stolen")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := signed(t, packed(t, "com.ada.climate", "1.2.0", "return 1"), mine, stranger)
	cases := []struct {
		name      string
		keys      []trust.PrivateKey
		add       map[string][]byte
		want      policy.Signature
		publisher string
		counting  []trust.PrivateKey
		states    string
	}{
		{"two that count", []trust.PrivateKey{mine, curator}, nil, policy.Trusted, "Ada", []trust.PrivateKey{curator, mine}, "trusted trusted"},
		{"all others beside one", []trust.PrivateKey{mine, stranger, old, other, stolen}, nil, policy.Trusted, "Ada", []trust.PrivateKey{mine}, "unknown-key expired not-entitled revoked trusted"},
		{"revoked first", []trust.PrivateKey{stranger, old, other, stolen}, nil, policy.Revoked, "", nil, "unknown-key expired not-entitled revoked"},
		{"then not entitled", []trust.PrivateKey{stranger, old, other}, nil, policy.NotEntitled, "", nil, "unknown-key expired not-entitled"},
		{"then expired", []trust.PrivateKey{stranger, old}, nil, policy.Expired, "", nil, "unknown-key expired"},
		{"garbage beside one", []trust.PrivateKey{mine}, map[string][]byte{nameOf(stranger): []byte("x")}, policy.BadSig, "", nil, "bad trusted"},
		{"a bad one of a trusted key", []trust.PrivateKey{curator}, map[string][]byte{nameOf(mine): signatureOf(t, signed(t, packed(t, "com.ada.weather", "1.2.0", "return 2"), mine), mine)}, policy.BadSig, "", nil, "trusted bad"},
		{"of another mod beside one", []trust.PrivateKey{mine}, map[string][]byte{nameOf(stranger): signatureOf(t, elsewhere, stranger)}, policy.Mismatch, "", nil, "mismatch trusted"},
	}
	for _, c := range cases {
		b := signed(t, weather(t), c.keys...)
		for name, data := range c.add {
			b = attach(t, b, name, data)
		}
		r := store.Verify(b, now)
		var keys []string
		for _, k := range c.counting {
			keys = append(keys, k.ID())
		}
		var states []string
		for _, s := range r.Signers {
			states = append(states, string(s.Signature))
			if (s.Err == nil) != (s.Signature == policy.Trusted) {
				t.Errorf("%s: signer %+v", c.name, s)
			}
		}
		if got := strings.Join(states, " "); got != c.states {
			t.Errorf("%s: signers are %s, want %s", c.name, got, c.states)
		}
		if r.Signature != c.want || r.Publisher != c.publisher || !slices.Equal(r.Keys, keys) {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

func TestTooManySignatures(t *testing.T) {
	b, mine := weather(t), keyOf(t, 200)
	store := storeOf(t, ada(mine))
	b = signed(t, b, mine)
	for i := byte(1); i < trust.MaxSignatures; i++ {
		b = signed(t, b, keyOf(t, i))
	}
	if r := store.Verify(b, now); r.Signature != policy.Trusted || len(r.Signers) != trust.MaxSignatures {
		t.Errorf("%d signatures: %+v", trust.MaxSignatures, r)
	}
	if _, err := trust.Sign(b, keyOf(t, 100), now); !isReason(err, trust.TooMany) {
		t.Errorf("one more: %v", err)
	}
	if _, err := trust.Sign(b, mine, now); err != nil {
		t.Errorf("again: %v", err)
	}
	more := attach(t, b, nameOf(keyOf(t, 100)), signatureOf(t, signed(t, weather(t), keyOf(t, 100)), keyOf(t, 100)))
	if r := store.Verify(more, now); r.Signature != policy.BadSig || !isReason(r.Err, trust.TooMany) {
		t.Errorf("%d signatures: %+v", trust.MaxSignatures+1, r)
	}
}

func TestSign(t *testing.T) {
	key := keyOf(t, 7)
	b := weather(t)
	once, err := trust.Sign(b, key, now)
	if err != nil {
		t.Fatal(err)
	}
	if once.Digest() != b.Digest() || len(b.Attachments()) != 1 {
		t.Error("signing changed the bundle")
	}
	again, err := trust.Sign(once, key, now.Add(day).Add(time.Nanosecond).In(time.FixedZone("", 3600)))
	if err != nil {
		t.Fatal(err)
	}
	r := storeOf(t, ada(key)).Verify(again, now)
	if len(r.Signers) != 1 || !r.Signers[0].Time.Equal(now.Add(day)) {
		t.Errorf("signed again: %+v", r)
	}

	bad := map[string]*bundle.Bundle{
		"not packed":   unpacked(t, "com.ada.weather", "1.2.0", "return 1"),
		"another list": attach(t, b, ".pack/sbom.json", []byte("{}")),
	}
	for name, b := range bad {
		if _, err := trust.Sign(b, key, now); !isBundle(err, bundle.NotPacked) && !isBundle(err, bundle.ContentsDiffer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := trust.Sign(attach(t, b, nameOf(keyOf(t, 1)), []byte("x")), key, now); !isReason(err, trust.Malformed) {
		t.Errorf("beside garbage: %v", err)
	}
	for _, at := range []time.Time{{}, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if _, err := trust.Sign(b, key, at); err == nil {
			t.Errorf("signed at %s", at)
		}
	}
}

func isBundle(err error, want bundle.Reason) bool {
	e, ok := errors.AsType[*bundle.Error](err)
	return ok && e.Reason == want
}

func TestSigners(t *testing.T) {
	b := signed(t, weather(t), keyOf(t, 7), keyOf(t, 3))
	var got []string
	for _, s := range trust.Signers(b) {
		got = append(got, fmt.Sprint(s.KeyID, " ", s.Signature, s.Publisher, s.Time.IsZero()))
	}
	want := []string{"0300000000000003 unknown-keytrue", "0700000000000007 unknown-keytrue"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s := trust.Signers(weather(t)); len(s) != 0 {
		t.Errorf("signers of an unsigned mod: %v", s)
	}
}

// TestManifestOnOneLine verifies a bundle with a manifest whose errors show a place.
func TestManifestOnOneLine(t *testing.T) {
	b, err := bundle.Open(fstest.MapFS{"mod.toml": {Data: []byte("[mod]\nid = 3\n")}}, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b = attach(t, b, ".pack/contents", weatherContents(t))
	r := (*trust.Store)(nil).Verify(b, now)
	if !isReason(r.Err, trust.WrongContents) || strings.Contains(r.Err.Error(), "\n") {
		t.Errorf("%s %q", r.Signature, r.Err)
	}
}

func weatherContents(t testing.TB) []byte {
	t.Helper()
	data, err := weather(t).Attachment(".pack/contents")
	if err != nil {
		t.Fatal(err)
	}
	return data
}
