package trust

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/policy"
)

// MaxSignatures is how many signatures a bundle may have.
const MaxSignatures = 8

// maxClockError is how much later than now a signature may say that it is made: clocks
// that are set to the wrong zone of time differ by that much.
const maxClockError = 24 * time.Hour

// Result is what is known of who signed a bundle.
type Result struct {
	Signature policy.Signature
	// Publisher is to whom the trust store says that one of Keys belongs, the one that is
	// trusted with the id most closely: "com.ada.*" comes before "*", and what is the same
	// in the order of Keys. It is "" unless Trusted.
	Publisher string
	// Keys are the ids of the keys whose signatures count, sorted; none unless Trusted.
	Keys []string
	// Signers are all who signed it, or may have, sorted by key id, whether they count or
	// not. It is empty if there are too many.
	Signers []Signer
	// Err is nil if Signature is Trusted, and otherwise an [*Error] that says why it is
	// not: the gravest of the reasons.
	Err error
}

// Signer is one signature on a bundle.
type Signer struct {
	KeyID     string
	Publisher string // to whom the trust store says that the key belongs; "" if it does not know it
	Signature policy.Signature
	// Time is when the signer says that it was made; zero if that is not known to be what
	// the holder of the key wrote.
	Time time.Time
	Err  error // nil if Signature is Trusted; otherwise an [*Error]
}

// Verify finds out who signed b, and whether they are trusted with its id at the time
// at. A nil Store trusts nobody.
//
// The bundle is Trusted if one signature at least is good, of a key that may sign the
// id, and no file beside it is bad or of another mod. Signatures of unknown, expired,
// revoked or not entitled keys beside it do no harm: anybody can add one to anybody's
// bundle. If none counts, what is wrong is said in this order: revoked, not entitled,
// expired, unknown.
//
// A revoked key never counts, whatever time its signatures claim: that time is the
// signer's word. For the same reason a key is held against the time at, and not against
// that of the signature, to find out whether it is expired.
func (s *Store) Verify(b *bundle.Bundle, at time.Time) Result {
	names := signatures(b)
	contents, err := b.Contents()
	switch {
	case len(names) == 0 && (err == nil || !b.Packed()):
		return refusal(nil, &Error{Reason: Unsigned, Detail: "nobody signed this mod"})
	case err != nil:
		return refusal(nil, &Error{Reason: WrongContents, Err: err})
	case len(names) > MaxSignatures:
		return refusal(nil, &Error{Reason: TooMany, Detail: fmt.Sprintf("%d signatures; a mod has at most %d", len(names), MaxSignatures)})
	}
	message := contents.Bytes()
	about := subject{contents.ID, contents.Version, contents.Digest}
	var signers []Signer
	for _, name := range names {
		file, err := b.Attachment(name)
		if err != nil { // it is listed
			return refusal(nil, &Error{Reason: Malformed, Err: err})
		}
		signers = append(signers, s.signer(keyIDOf(name), file, message, about, at))
	}
	r := summary(signers)
	closest := -1
	for _, id := range r.Keys {
		key, _ := s.Key(id)
		if n := key.closeness(about.ID); n > closest {
			closest, r.Publisher = n, key.Publisher
		}
	}
	return r
}

// signatures returns the names of the signatures of b, sorted.
func signatures(b *bundle.Bundle) []string {
	var names []string
	for _, f := range b.Attachments() {
		if bundle.IsSignature(f.Path) {
			names = append(names, f.Path)
		}
	}
	return names
}

// keyIDOf returns the key id in the name of a signature.
func keyIDOf(name string) string {
	base := name[strings.LastIndexByte(name, '/')+1:]
	id, _, _ := strings.Cut(base, ".")
	return id
}

// signatureName is the other direction.
func signatureName(p PublicKey) string { return bundle.SignatureName(p.id) }

// signer finds out about one signature file.
func (s *Store) signer(keyID string, file, message []byte, about subject, at time.Time) Signer {
	key, known := s.Key(keyID)
	out := Signer{KeyID: keyID, Publisher: key.Publisher}
	revocation, revoked := s.Revocation(keyID)
	made, err := inspect(keyID, file, about)
	switch {
	case err != nil && err.Reason != OtherMod:
	case known && !key.Public.verify(message, file):
		err = &Error{Reason: WrongBytes, Detail: "it is not by this key over the content list of this mod"}
	default:
		if known {
			out.Time = made
		}
		if err != nil {
			break
		}
		switch {
		case revoked:
			err = &Error{Reason: Revoked, Detail: revocation.why(keyID)}
		case !known:
			err = &Error{Reason: UnknownKey, Detail: "the key is not in the trust store"}
		default:
			err = key.judge(about.ID, made, at)
		}
	}
	if err != nil {
		err.KeyID, err.Publisher = keyID, key.Publisher
		out.Err, out.Signature = err, err.Reason.state()
		return out
	}
	out.Signature = policy.Trusted
	return out
}

// inspect finds out what can be known of a signature file without the key.
func inspect(keyID string, file []byte, about subject) (made time.Time, refused *Error) {
	parsed, err := readSignatureFile(file)
	if err != nil {
		return made, err
	}
	if parsed.KeyID != keyID {
		return made, &Error{Reason: WrongKeyID, Detail: "the file holds a signature of key " + parsed.KeyID}
	}
	signed, made, err := parseComment(parsed.Comment)
	if err != nil {
		return made, err
	}
	for _, c := range []struct{ what, signed, is string }{
		{"id", signed.ID, about.ID}, {"version", signed.Version, about.Version}, {"digest", signed.Digest, about.Digest},
	} {
		if c.signed != c.is {
			return made, &Error{Reason: OtherMod, Detail: fmt.Sprintf("it is of the %s %s, and the mod has %s", c.what, quoted(c.signed), quoted(c.is))}
		}
	}
	return made, nil
}

// judge says why a good signature by k does not count, or returns nil.
func (k Key) judge(id string, made, at time.Time) *Error {
	switch {
	case !k.MaySign(id):
		return &Error{Reason: NotEntitled, Detail: fmt.Sprintf("the key may sign %s, not %s", strings.Join(k.IDs, ", "), strconv.Quote(id))}
	case !k.Until.IsZero() && !at.Before(k.Until):
		return &Error{Reason: Expired, Detail: "the key is trusted until " + stamp(k.Until)}
	case at.Before(k.From):
		return &Error{Reason: NotYetValid, Detail: "the key is trusted from " + stamp(k.From)}
	case made.After(at.Add(maxClockError)):
		return &Error{Reason: FromFuture, Detail: fmt.Sprintf("it says that it was made at %s, and it is %s: one of the clocks is wrong", stamp(made), stamp(at))}
	}
	return nil
}

// gravity orders what is wrong with signatures, the gravest first. Trusted stands where
// a signature that counts outweighs what is after it.
var gravity = []policy.Signature{
	policy.BadSig, policy.Mismatch, policy.Trusted,
	policy.Revoked, policy.NotEntitled, policy.Expired, policy.UnknownKey,
}

// summary says what all signatures together mean, of which there is at least one. Whose
// the bundle is it leaves out.
func summary(signers []Signer) Result {
	rank := func(s Signer) int {
		if i := slices.Index(gravity, s.Signature); i >= 0 {
			return i
		}
		return 0
	}
	gravest := slices.MinFunc(signers, func(a, b Signer) int { return cmp.Compare(rank(a), rank(b)) })
	if gravest.Signature != policy.Trusted {
		return refusal(signers, gravest.Err)
	}
	r := Result{Signature: policy.Trusted, Signers: signers}
	for _, s := range signers {
		if s.Signature == policy.Trusted {
			r.Keys = append(r.Keys, s.KeyID)
		}
	}
	return r
}

func refusal(signers []Signer, err error) Result {
	r := Result{Signature: policy.BadSig, Signers: signers, Err: err}
	if e, ok := err.(*Error); ok {
		r.Signature = e.Reason.state()
	}
	return r
}
