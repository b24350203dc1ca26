package catalog

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/luasandbox/modrunner/mods/internal/atomicfile"
)

// A private key of a role is a file ROLE-KEYID.key: Ed25519 in PKCS #8 (RFC 8410), in
// PEM, as openssl reads and writes it, without a password. The first 16 digits of the
// key's id are in the name; the name means nothing.
const (
	keySuffix  = ".key"
	pemType    = "PRIVATE KEY"
	maxKeyFile = 4 << 10
)

// signer is a private key, and what metadata calls it.
type signer struct {
	id      string
	public  *metadata.Key
	private ed25519.PrivateKey
}

func newSigner(private ed25519.PrivateKey) (signer, error) {
	public, err := metadata.KeyFromPublicKey(private.Public())
	if err != nil {
		return signer{}, err
	}
	id, err := public.ID()
	return signer{id: id, public: public, private: private}, err
}

// generate makes a key for a role, and writes it into a folder.
func generate(dir, role string) (signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return signer{}, err
	}
	s, err := newSigner(private)
	if err != nil {
		return signer{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return signer{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})
	path := filepath.Join(dir, role+"-"+s.id[:16]+keySuffix)
	if err := atomicfile.Write(path, text, 0o600); err != nil {
		return signer{}, &Error{Reason: Unreachable, Err: err}
	}
	return s, nil
}

// readKeys reads all keys in some folders. Keys that others may read are refused, where
// the system tells.
func readKeys(dirs []string) (map[string]signer, error) {
	keys := map[string]signer{}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, &Error{Reason: Unreachable, Name: dir, Err: bare(err)}
		}
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), keySuffix) || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			s, err := readKey(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			keys[s.id] = s
		}
	}
	return keys, nil
}

func readKey(path string) (signer, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return signer{}, &Error{Reason: Unreachable, Name: path, Err: bare(err)}
	case !info.Mode().IsRegular() || info.Size() > maxKeyFile:
		return signer{}, malformed(path, "no key file")
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return signer{}, &Error{Reason: Unsafe, Name: path, Detail: fmt.Sprintf("its mode is %#o; want 0600", info.Mode().Perm())}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return signer{}, &Error{Reason: Unreachable, Name: path, Err: bare(err)}
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return signer{}, malformed(path, "want one private key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return signer{}, &Error{Reason: Malformed, Name: path, Err: err}
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return signer{}, malformed(path, "a key of another kind; want Ed25519")
	}
	return newSigner(private)
}

// signersOf returns the private keys of a role that are at hand, sorted by id.
func signersOf(root *metadata.RootType, role string, keys map[string]signer) []signer {
	var out []signer
	for _, id := range slices.Sorted(slices.Values(root.Roles[role].KeyIDs)) {
		if s, ok := keys[id]; ok {
			out = append(out, s)
		}
	}
	return out
}

// enough checks that so many keys meet a role's threshold.
func enough(root *metadata.RootType, role string, have []signer) error {
	if need := root.Roles[role].Threshold; len(have) < need {
		return &Error{Reason: NoKeys, Detail: fmt.Sprintf("%d of the %d keys that have to sign the %s are here", len(have), need, role)}
	}
	return nil
}

// signed writes metadata with the signatures of all of these, each once.
func signed[T metadata.Roles](m *metadata.Metadata[T], by ...signer) ([]byte, error) {
	m.ClearSignatures()
	done := map[string]bool{}
	for _, s := range by {
		if done[s.id] {
			continue
		}
		done[s.id] = true
		with, err := signature.LoadED25519Signer(s.private)
		if err != nil {
			return nil, err
		}
		if _, err := m.Sign(with); err != nil {
			return nil, err
		}
	}
	return m.ToBytes(false)
}
