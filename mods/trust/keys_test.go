package trust_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/scrypt"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/trust"
)

// now is when everything in these tests happens.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// privateFile is the file of the key that a byte stands for, without a password, as the
// documentation of minisign has it. Its id is chosen.
func privateFile(seed byte, id uint64) []byte {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	raw := append([]byte("Ed\x00\x00B2"), make([]byte, 48)...)
	raw = binary.LittleEndian.AppendUint64(raw, id)
	raw = append(append(raw, private...), make([]byte, 32)...)
	return keyFile(raw)
}

func keyFile(raw []byte) []byte {
	return []byte("untrusted comment: minisign encrypted secret key\n" + base64.StdEncoding.EncodeToString(raw) + "\n")
}

// protectedFile is the same key under a password, at the least cost that minisign knows.
func protectedFile(t testing.TB, seed byte, id uint64, password string) []byte {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	secret := append(binary.LittleEndian.AppendUint64(nil, id), private...)
	sum := blake2b.Sum256(append([]byte("Ed"), secret...))
	secret = append(secret, sum[:]...)
	salt := bytes.Repeat([]byte{seed}, 32)
	stream, err := scrypt.Key([]byte(password), salt, 1024, 8, 1, len(secret))
	if err != nil {
		t.Fatal(err)
	}
	for i := range secret {
		secret[i] ^= stream[i]
	}
	raw := append([]byte("EdScB2"), salt...)
	raw = binary.LittleEndian.AppendUint64(raw, 1<<15)
	raw = binary.LittleEndian.AppendUint64(raw, 1<<24)
	return keyFile(append(raw, secret...))
}

// keyOf is a key of which the id tells the seed.
func keyOf(t testing.TB, seed byte) trust.PrivateKey {
	t.Helper()
	return keyWithID(t, seed, uint64(seed)<<56|uint64(seed))
}

func keyWithID(t testing.TB, seed byte, id uint64) trust.PrivateKey {
	t.Helper()
	key, err := trust.ReadKey(privateFile(seed, id), "")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// weather is a packed mod.
func weather(t testing.TB) *bundle.Bundle {
	return packed(t, "com.ada.weather", "1.2.0", "return 1")
}

func packed(t testing.TB, id, version, main string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Pack(unpacked(t, id, version, main))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unpacked(t testing.TB, id, version, main string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte("[mod]\nid = \"" + id + "\"\nversion = \"" + version + "\"\n")},
		"main.lua": {Data: []byte(main)},
	}, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func signed(t testing.TB, b *bundle.Bundle, keys ...trust.PrivateKey) *bundle.Bundle {
	t.Helper()
	for _, key := range keys {
		var err error
		if b, err = trust.Sign(b, key, now.Add(-day)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// storeOf trusts these keys.
func storeOf(t testing.TB, keys ...trust.Key) *trust.Store {
	t.Helper()
	var s *trust.Store
	for _, k := range keys {
		var err error
		if s, err = s.Trust(k); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// ada trusts a key with Ada's mods.
func ada(key trust.PrivateKey) trust.Key {
	return trust.Key{Public: key.Public(), Publisher: "Ada", IDs: []string{"com.ada.*"}}
}

func attach(t testing.TB, b *bundle.Bundle, name string, data []byte) *bundle.Bundle {
	t.Helper()
	b, err := b.WithAttachments(map[string][]byte{name: data})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// signatureOf returns the signature file of a key.
func signatureOf(t testing.TB, b *bundle.Bundle, key trust.PrivateKey) []byte {
	t.Helper()
	file, err := b.Attachment(nameOf(key))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func nameOf(key trust.PrivateKey) string { return ".pack/signatures/" + key.ID() + ".minisig" }
