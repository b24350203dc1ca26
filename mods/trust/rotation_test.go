package trust_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/trust"
)

func rotation(t testing.TB, old, replacement trust.PrivateKey, from time.Time) []byte {
	t.Helper()
	statement, err := trust.SignRotation(old, replacement, from)
	if err != nil {
		t.Fatal(err)
	}
	return statement
}

func rotated(t testing.TB, s *trust.Store, statement []byte, at time.Time) *trust.Store {
	t.Helper()
	s, _, err := s.Rotate(statement, at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func isRotation(err error, want trust.RotationReason) bool {
	e, ok := errors.AsType[*trust.RotationError](err)
	return ok && e.Reason == want && errors.Is(&trust.RotationError{Reason: want}, &trust.RotationError{Reason: e.Reason})
}

// TestRotate follows two keys of a publisher over the days around the rotation.
func TestRotate(t *testing.T) {
	old, replacement := keyOf(t, 1), keyOf(t, 2)
	b := weather(t)
	byOld, byNew, byBoth := signed(t, b, old), signed(t, b, replacement), signed(t, b, old, replacement)
	k := ada(old)
	k.From, k.Until = now.Add(-100*day), now.Add(100*day)
	plain := storeOf(t, k)
	later := rotated(t, plain, rotation(t, old, replacement, now.Add(10*day)), now)
	backdated := rotated(t, plain, rotation(t, old, replacement, now.Add(-10*day)), now)
	before := rotated(t, plain, rotation(t, old, replacement, now.Add(-1000*day)), now)
	states := func(s *trust.Store, at time.Time) string {
		var out []string
		for _, r := range []trust.Result{s.Verify(byOld, at), s.Verify(byNew, at), s.Verify(byBoth, at)} {
			out = append(out, string(r.Signature))
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		name  string
		store *trust.Store
		at    time.Time
		want  string
	}{
		{"before", plain, now, "trusted unknown-key trusted"},
		{"announced", later, now, "trusted expired trusted"},
		{"the day before", later, now.Add(9 * day), "trusted expired trusted"},
		{"that day", later, now.Add(10 * day), "expired trusted trusted"},
		{"the last day", later, now.Add(99 * day), "expired trusted trusted"},
		{"no longer than the operator said", later, now.Add(100 * day), "expired expired expired"},
		{"from the past on", backdated, now, "expired trusted trusted"},
		{"from before the old key", before, now, "expired trusted trusted"},
	} {
		if got := states(c.store, c.at); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if _, err := trust.Parse("trust.toml", c.store.Format()); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	got, _ := later.Key(replacement.ID())
	if got.Publisher != "Ada" || got.Predecessor != old.ID() || !got.Rotated.Equal(now) || !got.MaySign("com.ada.weather") || got.MaySign("weather") {
		t.Errorf("%+v", got)
	}
	if next, there := later.Successor(old.ID()); !there || next.Public != replacement.Public() {
		t.Errorf("successor %+v", next)
	}
}

func TestRotateRefused(t *testing.T) {
	a, b, c, stranger := keyOf(t, 1), keyOf(t, 2), keyOf(t, 3), keyOf(t, 9)
	k := ada(a)
	k.From, k.Until = now.Add(-day), now.Add(day)
	store := storeOf(t, k)
	ab, bc := rotation(t, a, b, now), rotation(t, b, c, now)
	done := rotated(t, store, ab, now)
	must := func(s *trust.Store, err error) *trust.Store {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	// What the new key says alone, as if it were the old one.
	lines := strings.SplitAfter(string(ab), "\n")
	backwards := strings.Join(lines[:4], "") + strings.Join(lines[8:12], "") + strings.Join(lines[4:8], "")
	impostor := keyWithID(t, 9, 0x01<<56|1)

	cases := []struct {
		name      string
		store     *trust.Store
		statement []byte
		at        time.Time
		want      trust.RotationReason
	}{
		{"in time", store, ab, now, ""},
		{"unknown", store, bc, now, trust.OldUnknown},
		{"nobody is trusted", nil, ab, now, trust.OldUnknown},
		{"another key of the same id", store, rotation(t, impostor, b, now), now, trust.OldUnknown},
		{"revoked", must(store.Revoke(a.ID(), now.Add(-time.Hour), "stolen")), ab, now, trust.OldRevoked},
		{"revoked right now", must(store.Revoke(a.ID(), now, "stolen")), ab, now, trust.OldRevoked},
		{"revoked from tomorrow on", must(store.Revoke(a.ID(), now.Add(day), "stolen")), ab, now, trust.OldRevoked},
		{"new one revoked", must(store.Revoke(b.ID(), now, "stolen")), ab, now, trust.NewRevoked},
		{"expired", store, ab, now.Add(day), trust.OldInvalid},
		{"not yet valid", store, ab, now.Add(-day - time.Second), trust.OldInvalid},
		{"no clock", store, ab, time.Time{}, trust.OldInvalid},
		{"after the old one's end", store, rotation(t, a, b, now.Add(day)), now, trust.TooLate},
		{"long after", store, rotation(t, a, b, now.Add(100000*day)), now, trust.TooLate},
		{"again", done, ab, now, trust.AlreadyRotated},
		{"to another key", done, rotation(t, a, stranger, now), now, trust.AlreadyRotated},
		{"back", done, rotation(t, b, a, now.Add(time.Hour)), now, trust.Cycle},
		{"back over two", rotated(t, done, rotation(t, b, c, now.Add(time.Hour)), now), rotation(t, c, a, now.Add(2*time.Hour)), now.Add(time.Hour), trust.Cycle},
		{"to a key that is there", must(store.Trust(ada(b))), ab, now, trust.NewKnown},
		{"to a key that is there under another id", must(store.Trust(ada(keyWithID(t, 2, 77)))), ab, now, trust.NewKnown},
		{"to a key with the id of one that is there", must(store.Trust(ada(keyWithID(t, 9, 0x02<<56|2)))), ab, now, trust.NewKnown},
		{"backwards", store, []byte(backwards), now, trust.WrongDirection},
	}
	for _, c := range cases {
		var before string
		if c.store != nil {
			before = string(c.store.Format())
		}
		after, _, err := c.store.Rotate(c.statement, c.at)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if after != nil || !isRotation(err, c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		if c.store != nil && string(c.store.Format()) != before {
			t.Errorf("%s: the store changed", c.name)
		}
	}
}

// TestRevocationAndRotation revokes a key that was replaced, at times before and after.
func TestRevocationAndRotation(t *testing.T) {
	a, b, c := keyOf(t, 1), keyOf(t, 2), keyOf(t, 3)
	s := rotated(t, storeOf(t, ada(a)), rotation(t, a, b, now), now)
	s = rotated(t, s, rotation(t, b, c, now.Add(10*day)), now.Add(10*day))
	byC := signed(t, weather(t), c)
	at := now.Add(20 * day)
	if r := s.Verify(byC, at); r.Signature != policy.Trusted {
		t.Fatal(r.Err)
	}
	for _, x := range []struct {
		name string
		key  trust.PrivateKey
		at   time.Time
		want policy.Signature
	}{
		{"first key stolen before it was replaced", a, now.Add(-day), policy.Revoked},
		{"first key stolen when it was replaced", a, now, policy.Revoked},
		{"first key found on an old disk", a, now.Add(time.Second), policy.Trusted},
		{"second key stolen before it was replaced", b, now.Add(9 * day), policy.Revoked},
		{"second key found on an old disk", b, now.Add(11 * day), policy.Trusted},
		{"the key itself, from next year on", c, now.Add(365 * day), policy.Revoked},
	} {
		revoked, err := s.Revoke(x.key.ID(), x.at, "stolen")
		if err != nil {
			t.Fatal(err)
		}
		if r := revoked.Verify(byC, at); r.Signature != x.want {
			t.Errorf("%s: %s, want %s: %v", x.name, r.Signature, x.want, r.Err)
		}
		// What falls can be trusted again by the operator, by itself, unless it was revoked.
		again, err := revoked.Trust(ada(c))
		if x.key.ID() == c.ID() {
			if err == nil {
				t.Errorf("%s: trusted again", x.name)
			}
		} else if err != nil || again.Verify(byC, at).Signature != policy.Trusted {
			t.Errorf("%s: cannot be trusted again: %v", x.name, err)
		}
	}
}

func TestSignRotation(t *testing.T) {
	a, b := keyOf(t, 1), keyOf(t, 2)
	r, err := trust.ParseRotation(rotation(t, a, b, now.Add(time.Nanosecond).In(time.FixedZone("", -3600))))
	if err != nil || r.Old != a.Public() || r.New != b.Public() || !r.From.Equal(now) {
		t.Errorf("%+v, %v", r, err)
	}
	for name, replacement := range map[string]trust.PrivateKey{"itself": a, "itself under another id": keyWithID(t, 1, 5), "another key of its id": keyWithID(t, 2, 0x01<<56|1)} {
		if _, err := trust.SignRotation(a, replacement, now); !isRotation(err, trust.Cycle) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := trust.SignRotation(a, b, time.Time{}); !isRotation(err, trust.BadStatement) {
		t.Error(err)
	}
	if _, err := trust.SignRotation(a, trust.PrivateKey{}, now); err == nil {
		t.Error("signed with no key")
	}
}

// TestBadStatements changes statements in ways that leave the rest in order.
func TestBadStatements(t *testing.T) {
	a, b, c := keyOf(t, 1), keyOf(t, 2), keyOf(t, 3)
	good := string(rotation(t, a, b, now))
	lines := strings.SplitAfter(good, "\n")
	text, first, second := strings.Join(lines[:4], ""), strings.Join(lines[4:8], ""), strings.Join(lines[8:12], "")
	fromOther := strings.SplitAfter(string(rotation(t, a, c, now)), "\n")
	comment := strings.TrimSuffix(strings.TrimPrefix(lines[6], "trusted comment: "), "\n")
	cases := map[string]string{
		"empty":                      "",
		"cut":                        text + first,
		"not signed by the new":      text + first + first,
		"more":                       good + "\n",
		"return":                     strings.ReplaceAll(good, "\n", "\r\n"),
		"other format":               strings.Replace(good, "rotation 1", "rotation 2", 1),
		"other new key":              strings.Replace(good, b.Public().String(), c.Public().String(), 1),
		"other old key":              strings.Replace(good, a.Public().String(), c.Public().String(), 1),
		"other time":                 strings.Replace(good, "from 2026", "from 2025", 1),
		"time in a zone":             strings.Replace(good, "12:00:00Z\n", "13:00:00+01:00\n", 1),
		"no time":                    strings.Replace(good, "from 2026-03-01T12:00:00Z", "from ", 1),
		"no from":                    strings.Replace(good, "from ", "", 1),
		"order":                      lines[0] + lines[2] + lines[1] + lines[3] + first + second,
		"first of another":           text + strings.Join(fromOther[4:8], "") + second,
		"second of another":          text + first + strings.Join(strings.SplitAfter(string(rotation(t, c, b, now)), "\n")[8:12], ""),
		"over a mod":                 text + first + string(signatureOf(t, signed(t, weather(t), b), b)),
		"with another comment":       text + first + string(resigned(t, []byte(text), 2, comment+" ")),
		"with the comment of a mod":  text + first + string(resigned(t, []byte(text), 2, "modrunner id=a version=1.0.0 digest=h1: time=2026-01-01T00:00:00Z")),
		"weak old key":               strings.Replace(good, a.Public().String(), "RWQBAAAAAAAAAQ"+strings.Repeat("A", 42), 1),
		"blank at the end of a line": strings.Replace(good, "rotation 1\n", "rotation 1 \n", 1),
		"large":                      good + strings.Repeat("a", 1<<20),
	}
	for name, statement := range cases {
		if statement == good {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := trust.ParseRotation([]byte(statement)); !isRotation(err, trust.BadStatement) {
			t.Errorf("%s: %v", name, err)
		} else if strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%s: %q has several lines", name, err)
		}
	}
	if _, err := trust.ParseRotation([]byte(text + second + second)); !isRotation(err, trust.WrongDirection) {
		t.Errorf("not signed by the old key: %v", err)
	}
	if same := text + string(resigned(t, []byte(text), 1, comment)) + string(resigned(t, []byte(text), 2, comment)); same != good {
		t.Error("the cases do not make what is good")
	}
	for at := range good {
		other := []byte(good)
		other[at] ^= 1
		if _, err := trust.ParseRotation(other); err == nil {
			t.Errorf("byte %d changed: taken", at)
		}
	}
}

// TestNoKeyOfOthers is why the new key signs too: with the signature of the old one
// alone, a publisher could put their name on the key of somebody else.
func TestNoKeyOfOthers(t *testing.T) {
	mallory, victim := keyOf(t, 1), keyOf(t, 2)
	good := rotation(t, mallory, victim, now)
	lines := bytes.SplitAfter(good, []byte("\n"))
	own := bytes.Join(lines[4:8], nil)
	forged := append(bytes.Join(lines[:4], nil), append(bytes.Clone(own), own...)...)
	s := storeOf(t, trust.Key{Public: mallory.Public(), Publisher: "Mallory", IDs: []string{"*"}})
	if after, _, err := s.Rotate(forged, now); !isRotation(err, trust.BadStatement) {
		t.Errorf("%v, %v", after, err)
	}
}

// TestRevocationsStay does anything to a store, in any order: who was revoked stays so,
// and the store can be written and read.
func TestRevocationsStay(t *testing.T) {
	keys := make([]trust.PrivateKey, 6)
	for i := range keys {
		keys[i] = keyOf(t, byte(i+1))
	}
	rapid.Check(t, func(r *rapid.T) {
		var s *trust.Store
		revoked := map[string]time.Time{}
		key := rapid.SampledFrom(keys)
		when := rapid.Map(rapid.IntRange(-5, 5), func(n int) time.Time { return now.Add(time.Duration(n) * day) })
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			var after *trust.Store
			var err error
			switch rapid.IntRange(0, 2).Draw(r, "step") {
			case 0:
				after, err = s.Trust(ada(key.Draw(r, "trust")))
			case 1:
				id, at := key.Draw(r, "revoke").ID(), when.Draw(r, "at")
				if after, err = s.Revoke(id, at, ""); err == nil {
					if old, there := revoked[id]; !there || at.Before(old) {
						revoked[id] = at
					}
				}
			case 2:
				var statement []byte
				statement, err = trust.SignRotation(key.Draw(r, "old"), key.Draw(r, "new"), when.Draw(r, "from"))
				if err == nil {
					after, _, err = s.Rotate(statement, when.Draw(r, "at"))
				}
			}
			if err == nil {
				s = after
			}
			for id, at := range revoked {
				if why, is := s.Revocation(id); !is || !why.At.Equal(at) {
					r.Fatalf("%s was revoked at %s: %+v", id, at, why)
				}
			}
			again, err := trust.Parse("trust.toml", s.Format())
			if err != nil {
				r.Fatalf("%v\n%s", err, s.Format())
			}
			if !bytes.Equal(again.Format(), s.Format()) {
				r.Fatalf("read otherwise than written:\n%s", s.Format())
			}
		}
	})
}
