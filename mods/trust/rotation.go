package trust

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// Rotation says that one key takes the place of another.
type Rotation struct {
	Old, New PublicKey
	From     time.Time // when the new key begins to count and the old one ends
}

// rotationFormat is the first line of a statement.
const rotationFormat = "modrunner rotation 1"

// maxRotation is more bytes than a statement has.
const maxRotation = 4 << 10

// text is what is signed.
func (r Rotation) text() []byte {
	return fmt.Appendf(nil, "%s\nold %s\nnew %s\nfrom %s\n", rotationFormat, r.Old, r.New, stamp(r.From))
}

// comment is the trusted comment of both signatures.
func (r Rotation) comment() string {
	return fmt.Sprintf("modrunner rotation old=%s new=%s from=%s", r.Old.ID(), r.New.ID(), stamp(r.From))
}

// SignRotation makes the statement that replacement takes the place of old from a time
// on. It is a text of twelve lines:
//
//	modrunner rotation 1
//	old RW...
//	new RW...
//	from 2026-01-31T12:00:00Z
//
// and then the signature files of both keys over these four: the old one says who takes
// its place, and the new one that it wants to. A publisher who could name any key would
// get others' mods shown under their own name.
//
// The error is a [*RotationError], or a [*KeyError] for a key that cannot sign.
func SignRotation(old, replacement PrivateKey, from time.Time) ([]byte, error) {
	r := Rotation{old.Public(), replacement.Public(), seconds(from)}
	if err := r.check(); err != nil {
		return nil, err
	}
	statement := r.text()
	for _, key := range []PrivateKey{old, replacement} {
		file, err := key.sign(r.text(), r.comment())
		if err != nil {
			return nil, err
		}
		statement = append(statement, file...)
	}
	return statement, nil
}

// check refuses what no statement says.
func (r Rotation) check() error {
	if sameKey(r.Old, r.New) || r.Old.id == r.New.id {
		return r.refuse(Cycle, "the old key and the new one are the same, or have the same id")
	}
	if !stampable(r.From) {
		return r.refuse(BadStatement, "the time is not between the years 1970 and 9999")
	}
	return nil
}

func (r Rotation) refuse(reason RotationReason, format string, args ...any) error {
	return &RotationError{reason, r.Old.ID(), r.New.ID(), fmt.Sprintf(format, args...)}
}

// ParseRotation reads a statement that [SignRotation] made, and verifies that both keys
// signed it. Whether the old one is trusted is up to [Store.Rotate].
//
// Of one statement one text is taken, to the byte. The error is a [*RotationError]:
// [BadStatement], [WrongDirection] or [Cycle].
func ParseRotation(statement []byte) (Rotation, error) {
	bad := func(detail string) (Rotation, error) {
		return Rotation{}, &RotationError{Reason: BadStatement, Detail: detail}
	}
	if len(statement) > maxRotation {
		return bad(fmt.Sprintf("a text of more than %d bytes", maxRotation))
	}
	lines := strings.SplitAfter(string(statement), "\n")
	if len(lines) != 13 || lines[12] != "" {
		return bad("not twelve lines, as a rotation has")
	}
	if lines[0] != rotationFormat+"\n" {
		return bad("the first line is " + quoted(lines[0]) + ", want " + rotationFormat)
	}
	var r Rotation
	for i, into := range []*PublicKey{&r.Old, &r.New} {
		word, name, _ := strings.Cut(strings.TrimSuffix(lines[1+i], "\n"), " ")
		key, err := ParsePublicKey(name)
		if word != [...]string{"old", "new"}[i] || err != nil {
			return bad("the line " + quoted(lines[1+i]) + `, want "old", and then "new", and a public key`)
		}
		*into = key
	}
	from, ok := parseStamp(strings.TrimSuffix(strings.TrimPrefix(lines[3], "from "), "\n"))
	if r.From = from; !ok || !bytes.HasPrefix(statement, r.text()) {
		return bad("the line " + quoted(lines[3]) + `, want "from" and a time such as "2026-01-31T12:00:00Z"`)
	}
	if err := r.check(); err != nil {
		return Rotation{}, err
	}
	files := [2][]byte{[]byte(strings.Join(lines[4:8], "")), []byte(strings.Join(lines[8:12], ""))}
	parsed := [2]signatureFile{}
	for i, file := range files {
		s, err := readSignatureFile(file)
		if err != nil {
			return Rotation{}, r.refuse(BadStatement, "%s", err.Detail)
		}
		parsed[i] = s
	}
	if parsed[0].KeyID == r.New.ID() {
		return Rotation{}, r.refuse(WrongDirection, "signed by the new key first; the old key says which one takes its place")
	}
	for i, key := range []PublicKey{r.Old, r.New} {
		if parsed[i].KeyID != key.ID() || parsed[i].Comment != r.comment() || !key.verify(r.text(), files[i]) {
			return Rotation{}, r.refuse(BadStatement, "not signed by the key %s", key.ID())
		}
	}
	return r, nil
}

// Rotate returns a store in which the rotation is done: the new key belongs to the
// publisher of the old one and may sign the same ids, from the time that the statement
// names and as long as the operator trusted the old one; the old one ends at that time.
// To have both count for a while, the statement names a later time.
//
// The error is a [*RotationError], if the statement is none, or the old key is not
// trusted at the time at, or the new key is in the store already or revoked.
func (s *Store) Rotate(statement []byte, at time.Time) (*Store, Rotation, error) {
	r, err := ParseRotation(statement)
	if err != nil {
		return nil, Rotation{}, err
	}
	out, err := s.rotate(r, seconds(at))
	return out, r, err
}

func (s *Store) rotate(r Rotation, at time.Time) (*Store, error) {
	old, known := s.Key(r.Old.ID())
	if !known || old.Public != r.Old {
		return nil, r.refuse(OldUnknown, "the old key is not in the trust store")
	}
	if why, revoked := s.Revocation(old.ID()); revoked {
		return nil, r.refuse(OldRevoked, "%s", why.why(old.ID()))
	}
	if why, revoked := s.Revocation(r.New.ID()); revoked {
		return nil, r.refuse(NewRevoked, "%s", why.why(r.New.ID()))
	}
	if next, there := s.Successor(old.ID()); there {
		if next.Public == r.New {
			return nil, r.refuse(AlreadyRotated, "to this very key, at %s", stamp(next.Rotated))
		}
		return nil, r.refuse(AlreadyRotated, "to another key, %s, at %s: somebody else may have the old key", next.ID(), stamp(next.Rotated))
	}
	for k := old; k.Predecessor != ""; k = s.keys[k.Predecessor] {
		if k.Predecessor == r.New.ID() {
			return nil, r.refuse(Cycle, "the old key replaced the new one before")
		}
	}
	if other, there := s.Key(r.New.ID()); there {
		return nil, r.refuse(NewKnown, "a key with its id is in the trust store, and belongs to %s", quoted(other.Publisher))
	}
	if !stampable(at) || at.Before(old.From) || !old.Until.IsZero() && !at.Before(old.Until) {
		return nil, r.refuse(OldInvalid, "the old key is not trusted at %s", stamp(at))
	}
	if !old.Until.IsZero() && !r.From.Before(old.Until) {
		return nil, r.refuse(TooLate, "the old key is trusted until %s, and the new one no longer than that", stamp(old.Until))
	}
	replacement := old
	replacement.Public, replacement.Predecessor, replacement.Rotated = r.New, old.ID(), at
	if r.From.After(old.From) {
		replacement.From = r.From
	}
	if old.Until = replacement.From; !old.From.Before(old.Until) {
		old.From = time.Time{} // it ends before it begins: at all times that are left
	}
	out := s.clone()
	out.keys[old.ID()], out.keys[r.New.ID()] = old, replacement
	if path, wrong := out.wrong(); wrong != "" {
		reason := StoreFull
		if len(out.keys) <= MaxKeys {
			reason = NewKnown
		}
		return nil, r.refuse(reason, "%s: %s", strings.Join(path, "."), wrong)
	}
	return out, nil
}
