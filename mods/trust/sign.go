package trust

import (
	"fmt"
	"slices"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// Sign returns b with a signature by key, which says that it was made at the time at. A
// signature that the key made before is replaced.
//
// What is signed is the content list, so that b must be packed (see [bundle.Pack]); the
// error is that of [bundle.Bundle.Contents] if it is not, or if the list is not that of
// the bundle. It is a [*KeyError] for a key that cannot sign, and an [*Error] with
// [TooMany], or with what is wrong with a signature that is there already: nobody would
// trust the bundle. (Those of other keys are not verified; their keys are not here.)
func Sign(b *bundle.Bundle, key PrivateKey, at time.Time) (*bundle.Bundle, error) {
	contents, err := b.Contents()
	if err != nil {
		return nil, err
	}
	about := subject{contents.ID, contents.Version, contents.Digest}
	own := signatureName(key.Public())
	names := signatures(b)
	for _, name := range names {
		if name == own {
			continue
		}
		file, err := b.Attachment(name)
		if err != nil {
			return nil, err
		}
		if _, bad := inspect(keyIDOf(name), file, about); bad != nil {
			bad.KeyID = keyIDOf(name)
			return nil, bad
		}
	}
	if n := len(names); n >= MaxSignatures && !slices.Contains(names, own) {
		return nil, &Error{Reason: TooMany, Detail: fmt.Sprintf("%d signatures; a mod has at most %d", n+1, MaxSignatures)}
	}
	if !stampable(at) {
		return nil, &Error{Reason: Malformed, Detail: "the time of a signature is between the years 1970 and 9999"}
	}
	file, err := key.sign(contents.Bytes(), about.comment(at))
	if err != nil {
		return nil, err
	}
	return b.WithAttachments(map[string][]byte{own: file})
}

// Signers returns who signed b, or may have, as can be known without any key: those of
// which the file is well formed and about b are [policy.UnknownKey]. It is what Verify of
// a nil Store returns as Signers.
func Signers(b *bundle.Bundle) []Signer { return (*Store)(nil).Verify(b, time.Time{}).Signers }
