package trust_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/trust"
)

func storeSeeds(t testing.TB) [][]byte {
	return [][]byte{
		{}, whole(t).Format(), (*trust.Store)(nil).Format(),
		[]byte("keys.0100000000000001 = {}"), []byte("[keys]\n[revoked]\n"), []byte(strings.Repeat("[", 200)),
		[]byte("[revoked.0100000000000001]\nat = 2026-01-01\n"), []byte("[keys.0100000000000001]\nids = [\"*\"]\nfrom = \"x\"\n"),
	}
}

func signatureSeeds(t testing.TB) [][]byte {
	key := keyOf(t, 7)
	file := signatureOf(t, signed(t, weather(t), key), key)
	return [][]byte{
		file, {}, []byte("untrusted comment: \n\n\n\n"), bytes.ReplaceAll(file, []byte("\n"), []byte("\r\n")),
		append(bytes.Clone(file), '\n'), signatureOf(t, signed(t, weather(t), keyOf(t, 8)), keyOf(t, 8)),
		signatureOf(t, signed(t, packed(t, "weather", "1.0.0", ""), key), key),
		resigned(t, weatherContents(t), 7, "timestamp:1"), []byte("untrusted comment: a\nRUQ=\ntrusted comment: b\nAA==\n"),
	}
}

func rotationSeeds(t testing.TB) [][]byte {
	good := rotation(t, keyOf(t, 1), keyOf(t, 2), now)
	return [][]byte{
		good, {}, bytes.Repeat([]byte("\n"), 12), rotation(t, keyOf(t, 2), keyOf(t, 1), now),
		bytes.Replace(good, []byte("old "), []byte("new "), 1), good[:400], append(bytes.Clone(good), good...),
	}
}

func TestSeedsExist(t *testing.T) {
	for name, n := range map[string]int{
		"FuzzParseStore": len(storeSeeds(t)), "FuzzSignature": len(signatureSeeds(t)), "FuzzRotation": len(rotationSeeds(t)),
	} {
		if n < 5 {
			t.Errorf("%s: only %d seeds", name, n)
		}
		if entries, err := os.ReadDir("testdata/fuzz/" + name); err != nil || len(entries) == 0 {
			t.Errorf("%s: no corpus: %v", name, err)
		}
	}
}

// FuzzParseStore: what is taken can be written, and reads the same; what is not is a
// StoreError on one line.
func FuzzParseStore(f *testing.F) {
	for _, seed := range storeSeeds(f) {
		f.Add(seed)
	}
	b := signed(f, weather(f), keyOf(f, 1), keyOf(f, 2))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := trust.Parse("trust.toml", data)
		if err != nil {
			e, ok := errors.AsType[*trust.StoreError](err)
			if s != nil || !ok || e.File != "trust.toml" || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("%v, %q", s, err)
			}
			return
		}
		text := s.Format()
		again, err := trust.Parse("trust.toml", text)
		if err != nil || !bytes.Equal(again.Format(), text) {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, k := range s.Keys() {
			if k.Publisher == "" || len(k.IDs) == 0 || trust.CheckKeyID(k.ID()) != nil {
				t.Errorf("taken: %+v", k)
			}
		}
		r := s.Verify(b, now)
		for _, id := range r.Keys {
			if _, revoked := s.Revocation(id); revoked || r.Signature != policy.Trusted {
				t.Errorf("%+v\n%s", r, text)
			}
		}
	})
}

// FuzzSignature: of all files there is one that is trusted.
func FuzzSignature(f *testing.F) {
	for _, seed := range signatureSeeds(f) {
		f.Add(seed)
	}
	key := keyOf(f, 7)
	b := weather(f)
	store := storeOf(f, ada(key))
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > 1<<20 {
			return // it cannot be attached
		}
		r := store.Verify(attach(t, b, nameOf(key), bytes.Clone(append([]byte{}, file...))), now)
		if (r.Signature == policy.Trusted) != (r.Err == nil) {
			t.Fatalf("%+v", r)
		}
		if r.Err != nil && strings.ContainsAny(r.Err.Error(), "\n\x1b") {
			t.Errorf("%q has several lines", r.Err)
		}
		if r.Signature != policy.Trusted {
			return
		}
		// Whoever has the key can sign at any time: then it is what Sign makes at that time.
		same, err := trust.Sign(b, key, r.Signers[0].Time)
		if err != nil || !bytes.Equal(signatureOf(t, same, key), file) {
			t.Errorf("trusted:\n%s", file)
		}
	})
}

// FuzzRotation: of all texts there is one that does a rotation.
func FuzzRotation(f *testing.F) {
	for _, seed := range rotationSeeds(f) {
		f.Add(seed)
	}
	a, b := keyOf(f, 1), keyOf(f, 2)
	keys := map[trust.PublicKey]trust.PrivateKey{a.Public(): a, b.Public(): b}
	store := storeOf(f, ada(a))
	f.Fuzz(func(t *testing.T, statement []byte) {
		r, err := trust.ParseRotation(statement)
		if err != nil {
			if _, ok := errors.AsType[*trust.RotationError](err); !ok || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("%q", err)
			}
			if _, _, err := store.Rotate(statement, now); err == nil {
				t.Fatal("done")
			}
			return
		}
		if _, known := keys[r.Old]; !known || keys[r.New].Public() != r.New {
			return // a key of its own
		}
		same, err := trust.SignRotation(keys[r.Old], keys[r.New], r.From)
		if err != nil || !bytes.Equal(same, statement) {
			t.Errorf("taken: %v\n%s", err, statement)
		}
	})
}
