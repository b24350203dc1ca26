package trust

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"aead.dev/minisign"
)

// PrivateKey is a minisign private key. It signs. It does not print: its String is that
// of nothing secret. The zero PrivateKey is no key, and signs nothing.
type PrivateKey struct {
	key    minisign.PrivateKey
	public PublicKey
}

// Public returns the key that verifies what this one signs.
func (k PrivateKey) Public() PublicKey { return k.public }

// ID returns the id of the key, which is that of the public one.
func (k PrivateKey) ID() string { return k.public.ID() }

// String names the key.
func (k PrivateKey) String() string { return "private key " + k.ID() }

// GoString is String, so that no way of printing shows the key.
func (k PrivateKey) GoString() string { return k.String() }

// Format is String, whatever the verb.
func (k PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MaxPassword is the longest password, in bytes: that of minisign.
const MaxPassword = 1024

// NewKey makes a key, and the file that keeps it under a password, which minisign reads
// as well. To try one password costs a gigabyte of memory and a second or more, here as
// for a thief.
//
// The error is a [*KeyError] for a password that is empty, longer than [MaxPassword], or
// has a zero byte or a line's end in it, none of which minisign could be given.
func NewKey(password string) (key PrivateKey, file []byte, err error) {
	if err := checkPassword(password); err != nil {
		return PrivateKey{}, nil, err
	}
	if key, err = generate(); err != nil {
		return PrivateKey{}, nil, err
	}
	if file, err = minisign.EncryptKey(password, key.key); err != nil {
		return PrivateKey{}, nil, err
	}
	return key, append(file, '\n'), nil
}

// NewUnprotectedKey makes a key, and a file that anybody can sign with who can read it.
func NewUnprotectedKey() (key PrivateKey, file []byte, err error) {
	if key, err = generate(); err != nil {
		return PrivateKey{}, nil, err
	}
	if file, err = key.key.MarshalText(); err != nil {
		return PrivateKey{}, nil, err
	}
	return key, append(file, '\n'), nil
}

func generate() (PrivateKey, error) {
	_, key, err := minisign.GenerateKey(nil)
	if err != nil {
		return PrivateKey{}, err
	}
	return checked(key)
}

func checkPassword(password string) error {
	switch {
	case password == "":
		return &KeyError{Reason: NoPassword, Detail: "a password is not empty"}
	case len(password) > MaxPassword:
		return &KeyError{Reason: NoPassword, Detail: fmt.Sprintf("a password has at most %d bytes", MaxPassword)}
	case strings.ContainsAny(password, "\x00\r\n"):
		return &KeyError{Reason: NoPassword, Detail: "a password is one line of text"}
	}
	return nil
}

// The layout of a private key: algorithm, key derivation, checksum (two letters each),
// salt, two costs, and then, encrypted or not, the id, the key and its checksum
// (minisign.h of minisign).
const (
	privateKeyLength  = 2 + 2 + 2 + 32 + 8 + 8 + 8 + ed25519.PrivateKeySize + 32
	maxPrivateKeyFile = 2 << 10

	kdfNone   = 0x0000
	kdfScrypt = 0x6353 // "Sc"
	chkBlake2 = 0x3242 // "B2"

	// What minisign writes for each key; nobody needs to be able to make us spend more.
	maxScryptOps    = 1 << 25
	maxScryptMemory = 1 << 30
)

// Protected reports whether a private key's file is under a password. The error is a
// [*KeyError] with [BadKey] if it is no private key.
func Protected(file []byte) (bool, error) {
	raw, err := privateKeyBytes(file)
	return err == nil && binary.LittleEndian.Uint16(raw[2:]) == kdfScrypt, err
}

// ReadKey reads a private key's file, as [NewKey], [NewUnprotectedKey] and minisign
// write it. The password of an unprotected one is not looked at.
//
// The error is a [*KeyError]. A file in which the public half is not that of the private
// one is refused: to sign with it would give the key away.
func ReadKey(file []byte, password string) (PrivateKey, error) {
	raw, err := privateKeyBytes(file)
	if err != nil {
		return PrivateKey{}, err
	}
	text := []byte(base64.StdEncoding.EncodeToString(raw))
	var key minisign.PrivateKey
	if binary.LittleEndian.Uint16(raw[2:]) == kdfNone {
		if err := key.UnmarshalText(text); err != nil {
			return PrivateKey{}, &KeyError{Reason: BadKey, Detail: "not a minisign private key"}
		}
		return checked(key)
	}
	if err := checkPassword(password); err != nil {
		return PrivateKey{}, err
	}
	if key, err = minisign.DecryptKey(password, text); err != nil {
		return PrivateKey{}, &KeyError{Reason: WrongPassword, Detail: "or the file of the key is damaged"}
	}
	return checked(key)
}

// privateKeyBytes decodes the file of a private key, and bounds what it costs to decrypt.
func privateKeyBytes(file []byte) ([]byte, error) {
	bad := &KeyError{Reason: BadKey, Detail: "not a minisign private key"}
	if len(file) > maxPrivateKeyFile {
		return nil, bad
	}
	text := strings.TrimSuffix(strings.ReplaceAll(string(file), "\r\n", "\n"), "\n")
	comment, text, two := strings.Cut(text, "\n")
	if !two || !strings.HasPrefix(comment, untrustedPrefix) || strings.Contains(text, "\n") {
		return nil, bad
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != privateKeyLength {
		return nil, bad
	}
	kdf, ops, memory := binary.LittleEndian.Uint16(raw[2:]), binary.LittleEndian.Uint64(raw[38:]), binary.LittleEndian.Uint64(raw[46:])
	switch {
	case binary.LittleEndian.Uint16(raw) != minisign.EdDSA, binary.LittleEndian.Uint16(raw[4:]) != chkBlake2:
		return nil, bad
	case kdf == kdfNone:
		return raw, nil
	case kdf != kdfScrypt:
		return nil, bad
	case ops > maxScryptOps || memory > maxScryptMemory:
		bad.Detail = "to decrypt it would cost more than minisign asks for"
		return nil, bad
	}
	return raw, nil
}

// checked makes a PrivateKey of one whose halves belong together.
func checked(key minisign.PrivateKey) (PrivateKey, error) {
	bad := &KeyError{Reason: BadKey, Detail: "the halves of the private key do not belong together"}
	text, err := key.MarshalText()
	if err != nil {
		return PrivateKey{}, bad
	}
	raw, err := privateKeyBytes(text)
	if err != nil {
		return PrivateKey{}, bad
	}
	private := ed25519.PrivateKey(raw[62 : 62+ed25519.PrivateKeySize])
	if !bytes.Equal(ed25519.NewKeyFromSeed(private.Seed()), private) {
		return PrivateKey{}, bad
	}
	k := PrivateKey{key: key, public: PublicKey{id: key.ID()}}
	copy(k.public.key[:], private[ed25519.SeedSize:])
	return k, k.public.check()
}

// sign returns the signature file over a message. It is checked before it is handed
// out: a signature that a fault of the machine spoiled could give the key away.
func (k PrivateKey) sign(message []byte, comment string) ([]byte, error) {
	if k.public == (PublicKey{}) {
		return nil, &KeyError{Reason: BadKey, Detail: "there is no private key"}
	}
	r := minisign.NewReader(bytes.NewReader(message))
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, err
	}
	file := r.SignWithComments(k.key, comment, untrustedComment)
	if s, err := readSignatureFile(file); err != nil || s.KeyID != k.ID() || !k.public.verify(message, file) {
		return nil, &KeyError{Reason: BadKey, Detail: "what was signed does not verify"}
	}
	return file, nil
}
