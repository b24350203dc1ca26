package trust

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"aead.dev/minisign"
)

// PublicKey is a minisign public key: 32 bytes of Ed25519, and a number that finds it.
// Two keys are the same if they are equal with ==. The zero PublicKey is no key.
type PublicKey struct {
	id  uint64
	key [ed25519.PublicKeySize]byte
}

// ID returns the number of the key as 16 hexadecimal digits, capitals. It is chosen by
// who made the key: it finds a key, and proves nothing. (minisign leaves out leading
// zeros.)
func (p PublicKey) ID() string { return formatID(p.id) }

// String returns the key in one word, "RW" and 54 more characters.
func (p PublicKey) String() string {
	raw := binary.LittleEndian.AppendUint16(nil, minisign.EdDSA)
	raw = binary.LittleEndian.AppendUint64(raw, p.id)
	return base64.StdEncoding.EncodeToString(append(raw, p.key[:]...))
}

// File returns the key as minisign keeps it in a file: a comment, and the key.
func (p PublicKey) File() []byte {
	return fmt.Appendf(nil, "%sminisign public key %s\n%s\n", untrustedPrefix, p.ID(), p)
}

const (
	publicKeyLength  = 2 + 8 + ed25519.PublicKeySize
	publicKeyLetters = publicKeyLength / 3 * 4 // it divides
	maxPublicKeyFile = 1 << 10
)

// ParsePublicKey reads a key in one word. The error is a [*KeyError]: [BadKey], or
// [WeakKey] for the few keys for which anybody can make signatures.
func ParsePublicKey(text string) (PublicKey, error) {
	const want = `want the 56 characters of a minisign public key, which begins with "RW"`
	if len(text) != publicKeyLetters {
		return PublicKey{}, &KeyError{BadKey, want}
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != publicKeyLength || binary.LittleEndian.Uint16(raw) != minisign.EdDSA {
		return PublicKey{}, &KeyError{BadKey, want}
	}
	p := PublicKey{id: binary.LittleEndian.Uint64(raw[2:])}
	copy(p.key[:], raw[10:])
	return p, p.check()
}

// ReadPublicKey reads a key in one word, or the file that minisign and "modrunner key
// new" write. The errors are those of [ParsePublicKey].
func ReadPublicKey(data []byte) (PublicKey, error) {
	if len(data) > maxPublicKeyFile {
		return PublicKey{}, &KeyError{BadKey, fmt.Sprintf("a file of more than %d bytes", maxPublicKeyFile)}
	}
	text := strings.TrimSuffix(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	if strings.HasPrefix(text, untrustedPrefix) {
		_, text, _ = strings.Cut(text, "\n")
	}
	return ParsePublicKey(text)
}

// verify reports whether a signature file is of this key, over a message. The file has
// gone through readSignatureFile.
func (p PublicKey) verify(message, file []byte) bool {
	var key minisign.PublicKey
	if err := key.UnmarshalText([]byte(p.String())); err != nil {
		return false
	}
	return minisign.Verify(key, message, file)
}

// The curve: -x² + y² = 1 + dx²y² modulo 2²⁵⁵-19 (RFC 8032, section 5.1).
var (
	curveP = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	curveD = func() *big.Int {
		d := new(big.Int).ModInverse(big.NewInt(121666), curveP)
		return d.Mod(d.Mul(d, big.NewInt(-121665)), curveP)
	}()
)

// check refuses what is no point of the curve, a point in a form that no encoder
// writes, and a point of small order: under such a key everything has a signature that
// needs no secret, which crypto/ed25519 does not look for.
func (p PublicKey) check() error {
	little := slices.Clone(p.key[:])
	little[31] &= 0x7f // the sign of x
	slices.Reverse(little)
	y := new(big.Int).SetBytes(little)
	if y.Cmp(curveP) >= 0 {
		return &KeyError{BadKey, "not in the one form that a key has"}
	}
	one := big.NewInt(1)
	yy := new(big.Int).Mul(y, y)
	u := new(big.Int).Sub(yy, one) // x² = u/v
	v := new(big.Int).Add(new(big.Int).Mul(curveD, yy), one)
	small := new(big.Int).Add(u, new(big.Int).Mul(yy, v)) // 0 where x² + y² = 0
	for _, n := range []*big.Int{u, v, small} {
		n.Mod(n, curveP)
	}
	switch {
	case u.Sign() == 0, y.Sign() == 0, small.Sign() == 0: // order 1 and 2, 4, 8
		return &KeyError{WeakKey, "anybody can sign in the name of this key"}
	case big.Jacobi(new(big.Int).Mul(u, v), curveP) < 0:
		return &KeyError{BadKey, "no such point on the curve"}
	}
	return nil
}

func formatID(id uint64) string { return fmt.Sprintf("%016X", id) }

// CheckKeyID returns nil if text is the id of a key in the form of [PublicKey.ID]. The
// error is a [*KeyError] with [BadKey].
func CheckKeyID(text string) error {
	if n, err := strconv.ParseUint(text, 16, 64); err != nil || formatID(n) != text {
		return &KeyError{BadKey, "the key id " + quoted(text) + ", want 16 hexadecimal digits, capitals"}
	}
	return nil
}

// sameKey reports whether two keys are one, whatever number each has.
func sameKey(a, b PublicKey) bool { return bytes.Equal(a.key[:], b.key[:]) }
