package trust_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/mods/trust"
)

// publicText writes a public key of these 32 bytes.
func publicText(key []byte) string {
	return base64.StdEncoding.EncodeToString(append([]byte("Ed\x01\x02\x03\x04\x05\x06\x07\x08"), key...))
}

func TestPublicKey(t *testing.T) {
	key := keyOf(t, 0x0e).Public()
	word := key.String()
	for _, text := range []string{word, word + "\n", string(key.File()), strings.ReplaceAll(string(key.File()), "\n", "\r\n"), "untrusted comment: mine\n" + word} {
		got, err := trust.ReadPublicKey([]byte(text))
		if err != nil || got != key {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if key.ID() != "0E0000000000000E" {
		t.Errorf("id %s", key.ID())
	}
	y := make([]byte, 32)
	y[0] = 2 // x² would be a number that is no square
	bad := map[string]string{
		"empty":         "",
		"short":         word[:55],
		"long":          word + "A",
		"newline":       word[:28] + "\n" + word[29:],
		"carriage":      word[:28] + "\r" + word[29:],
		"other letters": strings.Repeat("*", 56),
		"algorithm":     "RU" + word[2:],
		"no point":      publicText(y),
		"two comments":  "untrusted comment: a\nuntrusted comment: b\n" + word,
		"two keys":      word + "\n" + word,
		"large":         "untrusted comment: " + strings.Repeat("a", 2000) + "\n" + word,
		"private":       string(privateFile(1, 1)),
	}
	for name, text := range bad {
		if _, err := trust.ReadPublicKey([]byte(text)); !errors.Is(err, &trust.KeyError{Reason: trust.BadKey}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWeakPublicKeys tries all points of small order, which are eight, in all ways in
// which 32 bytes can stand for one.
func TestWeakPublicKeys(t *testing.T) {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	canonical := []*big.Int{big.NewInt(0), big.NewInt(1), new(big.Int).Sub(p, big.NewInt(1))}
	// Twice a point of order 8 has y = 0, where x² = -y²: dy⁴ + 2y² - 1 = 0.
	d := new(big.Int).ModInverse(big.NewInt(121666), p)
	d.Mod(d.Mul(d, big.NewInt(-121665)), p)
	root := new(big.Int).ModSqrt(new(big.Int).Add(d, big.NewInt(1)), p)
	for _, r := range []*big.Int{root, new(big.Int).Neg(root)} {
		yy := new(big.Int).Mul(new(big.Int).Sub(r, big.NewInt(1)), new(big.Int).ModInverse(d, p))
		if y := new(big.Int).ModSqrt(yy.Mod(yy, p), p); y != nil {
			canonical = append(canonical, y, new(big.Int).Sub(p, y))
		}
	}
	if len(canonical) != 5 {
		t.Fatalf("%d y's, want 5", len(canonical))
	}
	forged := 0
	for _, y := range canonical {
		for _, sign := range []byte{0, 0x80} {
			for _, other := range []*big.Int{y, new(big.Int).Add(y, p)} {
				if other.BitLen() > 255 {
					continue // it has no second form
				}
				key := make([]byte, 32)
				other.FillBytes(key)
				slices.Reverse(key)
				key[31] |= sign
				if _, err := trust.ParsePublicKey(publicText(key)); err == nil {
					t.Errorf("taken: %x", key)
				}
				if forgeable(key) {
					forged++
				}
			}
		}
	}
	// Without the check each of the eight is a key for which anybody can sign.
	if forged < 8 {
		t.Errorf("%d keys of which a signature can be forged, want 8 at least", forged)
	}
}

// forgeable finds a message for which a signature made without any secret verifies.
func forgeable(key []byte) bool {
	signature := make([]byte, 64)
	signature[0] = 1 // R is the neutral point, S is 0
	for i := range 200 {
		if ed25519.Verify(key, bytes.Repeat([]byte{'x'}, i), signature) {
			return true
		}
	}
	return false
}

func TestHonestPublicKeys(t *testing.T) {
	for seed := range 250 {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(seed)}, 32)).Public().(ed25519.PublicKey)
		if _, err := trust.ParsePublicKey(publicText(key)); err != nil {
			t.Errorf("%s: %v", hex.EncodeToString(key), err)
		}
	}
}

func TestCheckKeyID(t *testing.T) {
	for text, want := range map[string]bool{
		"0E96DC7F2C47DCCA": true, "0000000000000000": true,
		"": false, "0e96dc7f2c47dcca": false, "E96DC7F2C47DCCA": false, "0x96DC7F2C47DCCA": false,
		"00E96DC7F2C47DCCA": false, "+E96DC7F2C47DCCA": false, "0E96DC7F2C47DCC_": false, "../../../../etc/": false,
	} {
		if err := trust.CheckKeyID(text); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
