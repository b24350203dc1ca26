package trust

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"aead.dev/minisign"
)

// The lines of a signature file. The comment that is not signed is the one that
// minisign writes if it is given none: a signature made by either is the same file.
const (
	untrustedPrefix  = "untrusted comment: "
	untrustedComment = "signature from minisign secret key"

	maxSignatureFile = 1 << 10
)

// signatureFile is what a signature file holds. Nothing of it is verified.
type signatureFile struct {
	KeyID   string
	Comment string // the trusted one
}

// readSignatureFile reads a signature file in the one form that is taken: what minisign
// writes by default, prehashed, in four lines. The library that verifies takes more (a
// signature without the hash, carriage returns, base64 with lines in it, any comment
// that is not signed): of those, one signature would have many files.
//
// What is refused is [Malformed].
func readSignatureFile(file []byte) (signatureFile, *Error) {
	bad := func(detail string) (signatureFile, *Error) {
		return signatureFile{}, &Error{Reason: Malformed, Detail: detail}
	}
	if len(file) > maxSignatureFile {
		return bad(fmt.Sprintf("a signature file of more than %d bytes", maxSignatureFile))
	}
	var s minisign.Signature
	if err := s.UnmarshalText(file); err != nil {
		return bad("not a minisign signature")
	}
	if s.Algorithm != minisign.HashEdDSA {
		return bad("a minisign signature in the old form, without the hash")
	}
	for _, c := range []byte(s.TrustedComment) {
		if c < ' ' || c > '~' {
			return bad("the trusted comment has characters other than those of ASCII")
		}
	}
	s.UntrustedComment = untrustedComment
	if again, err := s.MarshalText(); err != nil || !bytes.Equal(again, file) {
		return bad("not as minisign writes it by default, to the byte")
	}
	return signatureFile{KeyID: formatID(s.KeyID), Comment: s.TrustedComment}, nil
}

// subject is what a signature is of.
type subject struct{ ID, Version, Digest string }

// comment returns the trusted comment of a signature of s.
func (s subject) comment(at time.Time) string {
	return fmt.Sprintf("modrunner id=%s version=%s digest=%s time=%s", s.ID, s.Version, s.Digest, stamp(at))
}

// parseComment reads what comment writes. What the names are it leaves to the caller,
// who holds them against those of a bundle.
func parseComment(text string) (s subject, at time.Time, err *Error) {
	bad := &Error{Reason: Malformed, Detail: "the trusted comment " + quoted(text) +
		`, want "modrunner id=ID version=VERSION digest=DIGEST time=TIME"`}
	words := strings.Split(text, " ")
	if len(words) != 5 || words[0] != "modrunner" {
		return s, at, bad
	}
	stamped := ""
	for i, into := range []*string{&s.ID, &s.Version, &s.Digest, &stamped} {
		name, value, found := strings.Cut(words[i+1], "=")
		if !found || value == "" || name != [...]string{"id", "version", "digest", "time"}[i] {
			return s, at, bad
		}
		*into = value
	}
	at, ok := parseStamp(stamped)
	if !ok {
		bad.Detail = "the time " + quoted(stamped) + `, want one such as "2026-01-31T12:00:00Z"`
		return s, at, bad
	}
	return s, at, nil
}
