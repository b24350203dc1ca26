package trust

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/luasandbox/modrunner/mods/manifest"
)

// The bounds of a trust store.
const (
	MaxKeys        = 1000
	MaxRevocations = 5000
	MaxIDs         = 50  // patterns of one key
	MaxPublisher   = 80  // characters
	MaxText        = 200 // characters of a comment or a reason
)

// Store is whom an operator trusts with what. It never changes: what changes it returns
// a new one. A nil Store, and the zero Store, trust nobody.
type Store struct {
	keys    map[string]Key        // by id
	revoked map[string]Revocation // by id, of keys that are in keys or not
}

// Key is a key in a trust store, and what it is trusted with.
type Key struct {
	Public    PublicKey
	Publisher string // to whom it belongs, in the operator's words
	// IDs are the ids of mods that it may sign: each is an id, or the beginning of one
	// and ".*", as in "com.ada.*", which is every id that goes on after "com.ada.", or "*",
	// which is every id.
	IDs         []string
	From, Until time.Time // the key counts from From on, and no more at Until; zero: no bound
	Comment     string    // the operator's; may be empty

	// Predecessor is the id of the key that this one replaces, and Rotated when the
	// operator accepted that; zero if the operator trusts this key by itself.
	Predecessor string
	Rotated     time.Time
}

// ID returns the id of the key.
func (k Key) ID() string { return k.Public.ID() }

// MaySign reports whether the key is trusted with the mod of that id.
func (k Key) MaySign(id string) bool {
	return k.closeness(id) >= 0
}

// closeness returns how many letters of an id the key is trusted with by name: all of
// them, those before a "*", or -1 if it may not sign it.
func (k Key) closeness(id string) int {
	most := -1
	for _, pattern := range k.IDs {
		prefix, open := strings.CutSuffix(pattern, "*")
		switch {
		case pattern == id:
			most = max(most, len(id))
		case open && len(id) > len(prefix) && strings.HasPrefix(id, prefix):
			most = max(most, len(prefix))
		}
	}
	return most
}

// Revocation takes the trust from a key, for good.
type Revocation struct {
	KeyID string
	// At is since when the key is not trusted. A signature of a revoked key never counts,
	// whatever time it claims; At says which keys that came after it fall with it: those
	// that replaced it then or later.
	At     time.Time
	Reason string // why, for people; may be empty
}

// why words the revocation for the key with that id.
func (r Revocation) why(id string) string {
	text := "since " + stamp(r.At)
	if r.KeyID != id {
		text = "with the key " + r.KeyID + ", whose place it took, " + text
	}
	if r.Reason != "" {
		text += ", " + quoted(r.Reason)
	}
	return text
}

// Keys returns all keys, sorted by id.
func (s *Store) Keys() []Key {
	var out []Key
	for _, id := range s.ids() {
		k, _ := s.Key(id)
		out = append(out, k)
	}
	return out
}

func (s *Store) ids() []string {
	if s == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.keys))
}

// Key returns the key with that id.
func (s *Store) Key(id string) (key Key, known bool) {
	if s != nil {
		key, known = s.keys[id]
		key.IDs = slices.Clone(key.IDs)
	}
	return key, known
}

// Revocations returns all revocations, sorted by key id. Those of keys that are not in
// the store are among them: such a key cannot be trusted any more.
func (s *Store) Revocations() []Revocation {
	if s == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(s.revoked), func(a, b Revocation) int { return strings.Compare(a.KeyID, b.KeyID) })
}

// Revocation returns why the key with that id is revoked: because it is itself, or
// because one that it replaces was, before it did or at the same time; r.KeyID says
// which.
func (s *Store) Revocation(id string) (r Revocation, revoked bool) {
	if r, revoked = s.revokedItself(id); revoked || s == nil {
		return r, revoked
	}
	// No key is its own predecessor, by however many steps: check saw to that.
	for k := s.keys[id]; k.Predecessor != ""; k = s.keys[k.Predecessor] {
		if r, revoked = s.revoked[k.Predecessor]; revoked && !r.At.After(k.Rotated) {
			return r, true
		}
	}
	return Revocation{}, false
}

func (s *Store) revokedItself(id string) (r Revocation, revoked bool) {
	if s != nil {
		r, revoked = s.revoked[id]
	}
	return r, revoked
}

// Successor returns the key that replaces the one with that id.
func (s *Store) Successor(id string) (key Key, there bool) {
	for _, other := range s.ids() {
		if k, _ := s.Key(other); k.Predecessor == id {
			return k, true
		}
	}
	return Key{}, false
}

// Trust returns a store that trusts k as well. What was said of the same key before,
// that it replaces another one too, is forgotten: the operator trusts it by itself from
// now on, with what k says.
//
// The error is a [*StoreError]: for a key that is revoked, that has the id of another
// one, or is there under another id, and for what a store cannot hold.
func (s *Store) Trust(k Key) (*Store, error) {
	k.IDs = slices.Clone(k.IDs)
	k.Predecessor, k.Rotated = "", time.Time{}
	k.From, k.Until = seconds(k.From), seconds(k.Until)
	if field, wrong := k.wrong(); wrong != "" {
		return nil, &StoreError{Field: field, Message: wrong}
	}
	if old, known := s.Key(k.ID()); known && old.Public != k.Public {
		return nil, &StoreError{Message: "another key has the id " + k.ID() + " already, and belongs to " + quoted(old.Publisher)}
	}
	if r, revoked := s.revokedItself(k.ID()); revoked {
		return nil, &StoreError{Message: "the key " + k.ID() + " is revoked " + r.why(k.ID())}
	}
	out := s.clone()
	out.keys[k.ID()] = k
	return out.checked()
}

// Revoke returns a store in which the key with that id counts no more. It need not be in
// the store: it cannot be trusted later, then.
//
// Revocations only ever add: one that is there stays, with the earlier of the two times.
// The error is a [*StoreError] for an id that is none, and for what a store cannot hold.
func (s *Store) Revoke(keyID string, at time.Time, reason string) (*Store, error) {
	return s.Merge([]Revocation{{KeyID: keyID, At: at, Reason: reason}})
}

// Merge returns a store with these revocations as well; see [Store.Revoke]. Either all
// of them are in it, or there is an error.
func (s *Store) Merge(revocations []Revocation) (*Store, error) {
	out := s.clone()
	for _, r := range revocations {
		r.At = seconds(r.At)
		if field, wrong := r.wrong(); wrong != "" {
			return nil, &StoreError{Field: field, Message: "the revocation of key " + quoted(r.KeyID) + ": " + wrong}
		}
		if old, there := out.revoked[r.KeyID]; !there || r.At.Before(old.At) {
			out.revoked[r.KeyID] = r
		}
	}
	return out.checked()
}

func (s *Store) clone() *Store {
	out := &Store{keys: map[string]Key{}, revoked: map[string]Revocation{}}
	if s != nil {
		maps.Copy(out.keys, s.keys)
		maps.Copy(out.revoked, s.revoked)
	}
	return out
}

func seconds(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// checked returns s, of which each key and revocation is right by itself, if they are
// right together.
func (s *Store) checked() (*Store, error) {
	if path, wrong := s.wrong(); wrong != "" {
		return nil, &StoreError{Field: strings.Join(path, "."), Message: wrong}
	}
	return s, nil
}

// wrong says what is wrong with a store as a whole, and where; "" if nothing is.
func (s *Store) wrong() (path []string, wrong string) {
	switch {
	case len(s.keys) > MaxKeys:
		return []string{"keys"}, fmt.Sprintf("%d keys; a trust store has at most %d", len(s.keys), MaxKeys)
	case len(s.revoked) > MaxRevocations:
		return []string{"revoked"}, fmt.Sprintf("%d revoked keys; a trust store has at most %d", len(s.revoked), MaxRevocations)
	}
	bytes, successors := map[[32]byte]string{}, map[string]string{}
	for _, id := range s.ids() {
		k := s.keys[id]
		if other, there := bytes[k.Public.key]; there {
			return []string{"keys", id}, "the same key as " + other + " under another id; want one of the two"
		}
		bytes[k.Public.key] = id
		if k.Predecessor == "" {
			continue
		}
		if other, there := successors[k.Predecessor]; there {
			return []string{"keys", id, "predecessor"}, "the key " + k.Predecessor + " is replaced by " + other + " already; a key has one successor"
		}
		successors[k.Predecessor] = id
	}
	// Each key has at most one successor and one predecessor, so that they stand in lines
	// and rings: who walks a line backwards meets its beginning, and a ring its own key.
	done := map[string]bool{}
	for _, id := range s.ids() {
		for at := s.keys[id].Predecessor; at != "" && !done[at]; at = s.keys[at].Predecessor {
			if at == id {
				return []string{"keys", id, "predecessor"}, "the keys replace each other in a ring; want a first one, without a predecessor"
			}
		}
		done[id] = true
	}
	return nil, ""
}

// wrong says what is wrong with a key by itself, and in which field; "" if nothing is.
func (k Key) wrong() (field, wrong string) {
	switch {
	case k.Public == (PublicKey{}):
		return "key", "there is no key"
	case k.Publisher == "":
		return "publisher", "want a publisher: to whom the key belongs"
	case len(k.IDs) == 0:
		return "ids", `want the ids that the key may sign, as in ids = ["com.ada.*", "weather"]`
	case len(k.IDs) > MaxIDs:
		return "ids", fmt.Sprintf("%d patterns; a key has at most %d", len(k.IDs), MaxIDs)
	case !k.From.IsZero() && !stampable(k.From):
		return "from", "want a time between the years 1970 and 9999"
	case !k.Until.IsZero() && !stampable(k.Until):
		return "until", "want a time between the years 1970 and 9999"
	case !k.From.IsZero() && !k.Until.IsZero() && !k.From.Before(k.Until):
		return "until", "the key would never be trusted; want a time after " + stamp(k.From)
	case k.Predecessor == "" && !k.Rotated.IsZero():
		return "rotated", "want predecessor too, or neither"
	case k.Predecessor != "" && !stampable(k.Rotated):
		return "rotated", "want the time since when the key replaces its predecessor"
	case k.Predecessor != "" && CheckKeyID(k.Predecessor) != nil:
		return "predecessor", CheckKeyID(k.Predecessor).Error()
	}
	for i, pattern := range k.IDs {
		if problem := checkPattern(pattern); problem != "" {
			return "ids", problem
		}
		if slices.Contains(k.IDs[:i], pattern) {
			return "ids", quoted(pattern) + " is there twice"
		}
	}
	if problem := checkText(k.Publisher, MaxPublisher); problem != "" {
		return "publisher", problem
	}
	if problem := checkText(k.Comment, MaxText); problem != "" {
		return "comment", problem
	}
	return "", ""
}

// wrong says what is wrong with a revocation, and in which field; "" if nothing is.
func (r Revocation) wrong() (field, wrong string) {
	if err := CheckKeyID(r.KeyID); err != nil {
		return "", err.Error()
	}
	if !stampable(r.At) {
		return "at", "want a time between the years 1970 and 9999"
	}
	if problem := checkText(r.Reason, MaxText); problem != "" {
		return "reason", problem
	}
	return "", ""
}

// checkPattern says what is wrong with a pattern of ids; "" if nothing is.
func checkPattern(pattern string) string {
	id, open := strings.CutSuffix(pattern, ".*")
	if open {
		id += ".id" // one that it stands for
	}
	if pattern == "*" || manifest.CheckID(id) == nil {
		return ""
	}
	return "the pattern " + quoted(pattern) + `, want an id as "weather", the beginning of one and ".*" as "com.ada.*", or "*"`
}

// checkText says what is wrong with a text for people; "" if nothing is.
func checkText(text string, most int) string {
	switch {
	case !utf8.ValidString(text):
		return "not UTF-8"
	case utf8.RuneCountInString(text) > most:
		return fmt.Sprintf("a text of %d characters; at most %d", utf8.RuneCountInString(text), most)
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "a text with a character that cannot be printed, or a second line; want one line"
	}
	return ""
}
