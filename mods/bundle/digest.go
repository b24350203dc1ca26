package bundle

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// The two forms of a digest: of a SHA-256, as Go modules write it, and as the name
// of a file, where "/" and the case of letters would matter.
const (
	digestPrefix = "h1:" // and 44 digits of base64
	namePrefix   = "h1-" // and 64 hexadecimal digits
)

// DigestName returns the form of a digest for names of files and folders: "h1-" and
// 64 small hexadecimal digits. The error is an [*Error] with [BadDigest].
func DigestName(digest string) (string, error) {
	sum, err := digestSum(digest)
	if err != nil {
		return "", err
	}
	return namePrefix + hex.EncodeToString(sum), nil
}

// ParseDigest reads a digest in either form, that of [Bundle.Digest] or that of
// [DigestName], and returns the former. Of each digest it accepts one spelling in
// each form. The error is an [*Error] with [BadDigest].
func ParseDigest(text string) (string, error) {
	sum, err := digestSum(text)
	if err != nil {
		return "", err
	}
	return digestPrefix + base64.StdEncoding.EncodeToString(sum), nil
}

// digestSum returns the hash that both forms write.
func digestSum(text string) ([]byte, error) {
	var sum []byte
	var err error
	form, encoded := "", ""
	switch {
	case len(text) > len(namePrefix)+2*sha256.Size:
		return nil, badDigest(text[:len(namePrefix)+2*sha256.Size]+"...", "too long")
	case strings.HasPrefix(text, digestPrefix):
		form, encoded = digestPrefix, text[len(digestPrefix):]
		sum, err = base64.StdEncoding.DecodeString(encoded)
		encoded = base64.StdEncoding.EncodeToString(sum) // the decoder passes over line breaks and stray bits
	case strings.HasPrefix(text, namePrefix):
		form, encoded = namePrefix, text[len(namePrefix):]
		sum, err = hex.DecodeString(encoded)
		encoded = hex.EncodeToString(sum) // the decoder takes capitals
	default:
		return nil, badDigest(text, "it begins with neither h1: nor h1-")
	}
	switch {
	case err != nil:
		return nil, &Error{Reason: BadDigest, Detail: fmt.Sprintf("%q", text), Err: err}
	case len(sum) != sha256.Size:
		return nil, badDigest(text, fmt.Sprintf("%d bytes; a SHA-256 has %d", len(sum), sha256.Size))
	case form+encoded != text:
		return nil, badDigest(text, "another spelling of "+form+encoded)
	}
	return sum, nil
}

func badDigest(text, why string) error {
	return &Error{Reason: BadDigest, Detail: fmt.Sprintf("%q: %s", text, why)}
}
