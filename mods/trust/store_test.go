package trust_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/trust"
)

// whole has everything that a trust store can hold.
func whole(t testing.TB) *trust.Store {
	t.Helper()
	old, replacement := keyOf(t, 1), keyOf(t, 2)
	s := storeOf(t,
		trust.Key{Public: old.Public(), Publisher: `Ada "the first" \ Лавлейс`, IDs: []string{"com.ada.*", "weather", "*"}, From: now.Add(-day), Until: now.Add(300 * day), Comment: "met in Turin"},
		trust.Key{Public: keyOf(t, 3).Public(), Publisher: "Bob", IDs: []string{"com.bob.*"}, From: now},
		trust.Key{Public: keyWithID(t, 4, 0).Public(), Publisher: "Eve", IDs: []string{"eve"}, Until: now.Add(day)},
	)
	statement, err := trust.SignRotation(old, replacement, now.Add(10*day))
	if err != nil {
		t.Fatal(err)
	}
	if s, _, err = s.Rotate(statement, now); err != nil {
		t.Fatal(err)
	}
	s, err = s.Merge([]trust.Revocation{
		{KeyID: keyOf(t, 3).ID(), At: now.Add(time.Hour), Reason: `left at "home"`},
		{KeyID: "FFFFFFFFFFFFFFFF", At: now},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const wholeText = `# Whom this installation trusts with what. modrunner key writes this file: lines
# that begin with # are lost when it does; what is to stay goes into comment = "...".

[keys.0000000000000000]
key = "RWQAAAAAAAAAAMqTrBcFGHBx1nuDx/8O/oEI6OxFMFdddyaHkzPb2r58"
publisher = "Eve"
ids = ["eve"]
until = 2026-03-02T12:00:00Z

[keys.0100000000000001]
key = "RWQBAAAAAAAAAYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
publisher = "Ada \"the first\" \\ Лавлейс"
ids = ["com.ada.*", "weather", "*"]
from = 2026-02-28T12:00:00Z
until = 2026-03-11T12:00:00Z
comment = "met in Turin"

[keys.0200000000000002]
key = "RWQCAAAAAAAAAoE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
publisher = "Ada \"the first\" \\ Лавлейс"
ids = ["com.ada.*", "weather", "*"]
from = 2026-03-11T12:00:00Z
until = 2026-12-26T12:00:00Z
comment = "met in Turin"
predecessor = "0100000000000001"
rotated = 2026-03-01T12:00:00Z

[keys.0300000000000003]
key = "RWQDAAAAAAAAA+1JKMYo0cLG6ukDOJBZlWEpWSc6XGP5NjbBRhSshzfR"
publisher = "Bob"
ids = ["com.bob.*"]
from = 2026-03-01T12:00:00Z

[revoked.0300000000000003]
at = 2026-03-01T13:00:00Z
reason = "left at \"home\""

[revoked.FFFFFFFFFFFFFFFF]
at = 2026-03-01T12:00:00Z
`

func TestFormat(t *testing.T) {
	s := whole(t)
	if diff := cmp.Diff(wholeText, string(s.Format())); diff != "" {
		t.Error(diff)
	}
	again, err := trust.Parse("trust.toml", s.Format())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(facts(s), facts(again)); diff != "" {
		t.Error(diff)
	}
	for name, empty := range map[string]*trust.Store{"nil": nil, "zero": {}} {
		again, err := trust.Parse("trust.toml", empty.Format())
		if err != nil || len(again.Keys()) != 0 || len(again.Revocations()) != 0 {
			t.Errorf("%s: %v, %v", name, again, err)
		}
	}
}

// facts are all that a store says, in a form that can be compared.
func facts(s *trust.Store) []string {
	var out []string
	for _, k := range s.Keys() {
		out = append(out, fmt.Sprintf("%+v", k))
	}
	for _, r := range s.Revocations() {
		out = append(out, fmt.Sprintf("%+v", r))
	}
	return out
}

// TestParseOtherwise reads what people write, which is not what Format writes.
func TestParseOtherwise(t *testing.T) {
	key := keyOf(t, 1).Public()
	s, err := trust.Parse("trust.toml", []byte("\ufeff# mine\r\nkeys.0100000000000001 = {key = '"+key.String()+"', publisher = \"A\\u0064a\", ids = [\n'com.ada.*', # hers\n]"+
		", until = 2026-03-01T13:30:00+01:30}\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := trust.Key{Public: key, Publisher: "Ada", IDs: []string{"com.ada.*"}, Until: now}
	if got := s.Keys(); len(got) != 1 || !cmp.Equal(got[0], want, cmp.Comparer(func(a, b trust.PublicKey) bool { return a == b })) {
		t.Errorf("%+v", got)
	}
}

func TestParseErrors(t *testing.T) {
	word, other := keyOf(t, 1).Public().String(), keyWithID(t, 1, 5).Public().String()
	table := func(lines string) string {
		return "[keys.0100000000000001]\nkey = \"" + word + "\"\npublisher = \"Ada\"\nids = [\"weather\"]\n" + lines
	}
	ring := func(n int, ids ...string) string {
		var out strings.Builder
		for i := range n {
			k := keyOf(t, byte(i+1)).Public()
			fmt.Fprintf(&out, "[keys.%s]\nkey = \"%s\"\npublisher = \"Ada\"\nids = [\"weather\"]\n", k.ID(), k)
			if ids[i] != "" {
				fmt.Fprintf(&out, "predecessor = \"%s\"\nrotated = 2026-01-01T00:00:00Z\n", ids[i])
			}
		}
		return out.String()
	}
	id := func(n byte) string { return keyOf(t, n).ID() }
	cases := []struct{ name, text, field, want string }{
		{"not TOML", "hello", "", "trust.toml:1:"},
		{"not UTF-8", "# \xff", "", "trust.toml:1:"},
		{"brackets", strings.Repeat("[", 100000), "", "trust.toml:1:"},
		{"dots", "a" + strings.Repeat(".a", 30000) + "=1", "", "trust.toml:1:"},
		{"large", strings.Repeat("#\n", 9<<20), "", "at most"},
		{"unknown table", "[trusted]\n", "trusted", "trust.toml:1:1: unknown key trusted"},
		{"unknown field", table("role = \"root\"\n"), "keys.0100000000000001.role", "trust.toml:5:1: unknown key"},
		{"array of tables", "[[keys]]\n", "", "trust.toml:1:"},
		{"twice", table("") + table(""), "", "trust.toml:5:"},
		{"id", "[keys.abc]\n", "keys.abc", "want 16 hexadecimal digits"},
		{"small letters", strings.Replace(strings.Replace(table(""), "0100000000000001", "010000000000000a", 1), word, keyWithID(t, 1, 0x010000000000000a).Public().String(), 1), "keys.010000000000000a", "want 16 hexadecimal digits, capitals"},
		{"no key", "[keys.0100000000000001]\npublisher = \"Ada\"\nids = [\"weather\"]\n", "keys.0100000000000001.key", "want the 56 characters"},
		{"key of another id", strings.Replace(table(""), word, other, 1), "keys.0100000000000001.key", "trust.toml:2:1: this is the key 0000000000000005; want [keys.0000000000000005]"},
		{"weak key", strings.Replace(table(""), word, "RWQBAAAAAAAAAQ"+strings.Repeat("A", 42), 1), "keys.0100000000000001.key", "anybody can sign"},
		{"two keys of one", table("") + strings.NewReplacer("0100000000000001", "0000000000000005", word, other).Replace(table("")), "keys.0100000000000001", "the same key as 0000000000000005"},
		{"no publisher", strings.Replace(table(""), "publisher = \"Ada\"\n", "", 1), "keys.0100000000000001.publisher", "want a publisher"},
		{"publisher of two lines", strings.Replace(table(""), "Ada", "Ada\\nBob", 1), "keys.0100000000000001.publisher", "want one line"},
		{"publisher with an escape", strings.Replace(table(""), "Ada", "Ada\\u001b[2J", 1), "keys.0100000000000001.publisher", "cannot be printed"},
		{"publisher backwards", strings.Replace(table(""), "Ada", "\u202eAda", 1), "keys.0100000000000001.publisher", "cannot be printed"},
		{"long publisher", strings.Replace(table(""), "Ada", strings.Repeat("é", 81), 1), "keys.0100000000000001.publisher", "81 characters; at most 80"},
		{"no ids", strings.Replace(table(""), "ids = [\"weather\"]\n", "", 1), "keys.0100000000000001.ids", "want the ids"},
		{"empty ids", strings.Replace(table(""), "[\"weather\"]", "[]", 1), "keys.0100000000000001.ids", "want the ids"},
		{"ids twice", strings.Replace(table(""), "[\"weather\"]", "[\"weather\", \"weather\"]", 1), "keys.0100000000000001.ids", "there twice"},
		{"too many ids", strings.Replace(table(""), "[\"weather\"]", "["+strings.Repeat("\"weather\",", 51)+"]", 1), "keys.0100000000000001.ids", "51 patterns; a key has at most 50"},
		{"ids as text", strings.Replace(table(""), "[\"weather\"]", "\"weather\"", 1), "", "trust.toml:"},
		{"date alone", table("until = 2026-01-01\n"), "keys.0100000000000001.until", "trust.toml:5:1: want a time with a zone"},
		{"no zone", table("until = 2026-01-01T00:00:00\n"), "keys.0100000000000001.until", "want a time with a zone"},
		{"time alone", table("from = 12:00:00\n"), "keys.0100000000000001.from", "want a time with a zone"},
		{"fraction", table("until = 2026-01-01T00:00:00.5Z\n"), "keys.0100000000000001.until", "whole seconds"},
		{"time as text", table("until = \"2026-01-01T00:00:00Z\"\n"), "keys.0100000000000001.until", "want a time with a zone"},
		{"year 0", table("from = 0000-01-01T00:00:00Z\n"), "keys.0100000000000001.from", "want a time"},
		{"never", table("from = 2026-01-01T00:00:00Z\nuntil = 2026-01-01T00:00:00Z\n"), "keys.0100000000000001.until", "never be trusted"},
		{"rotated alone", table("rotated = 2026-01-01T00:00:00Z\n"), "keys.0100000000000001.rotated", "want predecessor too"},
		{"predecessor alone", table("predecessor = \"0000000000000009\"\n"), "keys.0100000000000001.rotated", "want the time"},
		{"predecessor is no id", table("predecessor = \"9\"\nrotated = 2026-01-01T00:00:00Z\n"), "keys.0100000000000001.predecessor", "want 16"},
		{"its own predecessor", ring(1, id(1)), "keys.0100000000000001.predecessor", "in a ring"},
		{"ring of two", ring(2, id(2), id(1)), "keys.0100000000000001.predecessor", "in a ring"},
		{"ring of three, and a line", ring(5, "", id(1), id(5), id(3), id(4)), "keys.0300000000000003.predecessor", "in a ring"},
		{"two successors", ring(3, "", id(1), id(1)), "keys.0300000000000003.predecessor", "is replaced by 0200000000000002 already"},
		{"revoked without time", "[revoked.0100000000000001]\n", "revoked.0100000000000001.at", "want a time"},
		{"revoked without zone", "[revoked.0100000000000001]\nat = 2026-01-01\n", "revoked.0100000000000001.at", "want a time with a zone"},
		{"revoked no id", "[revoked.x]\nat = 2026-01-01T00:00:00Z\n", "revoked.x", "want 16"},
		{"revoked with long reason", "[revoked.0100000000000001]\nat = 2026-01-01T00:00:00Z\nreason = \"" + strings.Repeat("a", 201) + "\"\n", "revoked.0100000000000001.reason", "at most 200"},
		{"revoked unknown field", "[revoked.0100000000000001]\nat = 2026-01-01T00:00:00Z\nundone = true\n", "revoked.0100000000000001.undone", "unknown key"},
	}
	for _, c := range cases {
		s, err := trust.Parse("trust.toml", []byte(c.text))
		e, ok := errors.AsType[*trust.StoreError](err)
		if s != nil || !ok {
			t.Errorf("%s: %v, %v", c.name, s, err)
			continue
		}
		if c.field != "" && (e.Field != c.field || e.Line == 0) || !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\n\x1b\u202e") {
			t.Errorf("%s: field %q, %q; want %q, %q", c.name, e.Field, err, c.field, c.want)
		}
	}
	if _, err := trust.Parse("trust.toml", []byte(table(""))); err != nil {
		t.Errorf("what the cases change: %v", err)
	}
	if _, err := trust.Parse("trust.toml", []byte(ring(4, "", id(1), id(2), id(3)))); err != nil {
		t.Errorf("a line of four: %v", err)
	}
}

func TestPatterns(t *testing.T) {
	yes := map[string][]string{
		"weather":   {"weather"},
		"com.ada.*": {"com.ada.weather", "com.ada.a", "com.ada.weather.rain", "com.ada.2d"},
		"com.*":     {"com.ada.weather"},
		"a.*":       {"a.b"},
		"my-mod_2":  {"my-mod_2"},
		"my-mod.*":  {"my-mod.a"},
		"*":         {"weather", "com.ada.weather"},
	}
	no := map[string][]string{
		"weather":   {"weather2", "weathe", "weather.rain", "Weather", ""},
		"com.ada.*": {"com.ada", "com.ada.", "com.adam.weather", "com.ada-weather", "com", "xcom.ada.weather", "com.ada.*"[:8]},
		"*":         {""},
	}
	for pattern, ids := range yes {
		k := ada(keyOf(t, 1))
		k.IDs = []string{pattern}
		storeOf(t, k)
		for _, id := range ids {
			if !k.MaySign(id) {
				t.Errorf("%q may not sign %q", pattern, id)
			}
		}
		for _, id := range no[pattern] {
			if k.MaySign(id) {
				t.Errorf("%q may sign %q", pattern, id)
			}
		}
	}
	for _, pattern := range []string{
		"", ".", ".*", "**", "*.*", "com.*.weather", "*.weather", "com.ada*", "com.ada.**", "com.ada.*.*", "Com.ada.*", "com..ada.*",
		"com.ada.", ".ada", "ab", "com ada", "com/ada", "com.ada.?", "[a-z]*", "com.ada.*\n", "wétter", "-a.*", "1a.b", "con.*", strings.Repeat("a", 65),
	} {
		k := ada(keyOf(t, 1))
		k.IDs = []string{pattern}
		if _, err := (*trust.Store)(nil).Trust(k); err == nil {
			t.Errorf("the pattern %q is taken", pattern)
		}
	}
	if (trust.Key{}).MaySign("weather") {
		t.Error("a key that may sign nothing signs")
	}
}

func TestTrust(t *testing.T) {
	mine := ada(keyOf(t, 1))
	s := storeOf(t, mine)
	impostor := ada(keyWithID(t, 2, 0x01<<56|1))
	twin := ada(keyWithID(t, 1, 99))
	revoked, err := s.Revoke(keyOf(t, 3).ID(), now, "")
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string]func() (*trust.Store, error){
		"of the same id":    func() (*trust.Store, error) { return s.Trust(impostor) },
		"under another id":  func() (*trust.Store, error) { return s.Trust(twin) },
		"revoked before":    func() (*trust.Store, error) { return revoked.Trust(ada(keyOf(t, 3))) },
		"no key":            func() (*trust.Store, error) { return s.Trust(trust.Key{Publisher: "Ada", IDs: []string{"weather"}}) },
		"nobody's":          func() (*trust.Store, error) { return s.Trust(trust.Key{Public: mine.Public, IDs: mine.IDs}) },
		"for nothing":       func() (*trust.Store, error) { return s.Trust(trust.Key{Public: mine.Public, Publisher: "Ada"}) },
		"revoke no id":      func() (*trust.Store, error) { return s.Revoke("x", now, "") },
		"revoke at no time": func() (*trust.Store, error) { return s.Revoke(mine.ID(), time.Time{}, "") },
		"reason of two lines": func() (*trust.Store, error) {
			return s.Revoke(mine.ID(), now, "a\nb")
		},
	}
	for name, change := range bad {
		after, err := change()
		if _, ok := errors.AsType[*trust.StoreError](err); !ok || after != nil {
			t.Errorf("%s: %v, %v", name, after, err)
		}
	}

	// To trust the same key again replaces what was said of it, also that it replaces
	// another one.
	s = whole(t)
	k, _ := s.Key(keyOf(t, 2).ID())
	if k.Predecessor == "" {
		t.Fatal("no predecessor")
	}
	k.Publisher, k.Until = "Ada Lovelace", time.Time{}
	if s, err = s.Trust(k); err != nil {
		t.Fatal(err)
	}
	k, _ = s.Key(k.ID())
	if k.Publisher != "Ada Lovelace" || !k.Until.IsZero() || k.Predecessor != "" || !k.Rotated.IsZero() {
		t.Errorf("%+v", k)
	}
}

// TestStoreDoesNotChange changes stores and everything that they hand out.
func TestStoreDoesNotChange(t *testing.T) {
	s := whole(t)
	before := string(s.Format())
	keys := s.Keys()
	keys[0].IDs[0] = "*"
	k, _ := s.Key(keyOf(t, 1).ID())
	k.IDs[0] = "*"
	s.Revocations()[0].Reason = "x"
	for _, change := range []func() (*trust.Store, error){
		func() (*trust.Store, error) { return s.Trust(ada(keyOf(t, 9))) },
		func() (*trust.Store, error) { return s.Revoke(keyOf(t, 1).ID(), now, "x") },
		func() (*trust.Store, error) {
			statement, err := trust.SignRotation(keyOf(t, 2), keyOf(t, 10), now.Add(20*day))
			if err != nil {
				return nil, err
			}
			after, _, err := s.Rotate(statement, now.Add(15*day))
			return after, err
		},
	} {
		after, err := change()
		if err != nil || string(after.Format()) == before {
			t.Errorf("nothing changed: %v", err)
		}
	}
	given := ada(keyOf(t, 20))
	after, err := s.Trust(given)
	if err != nil {
		t.Fatal(err)
	}
	given.IDs[0] = "*"
	if k, _ := after.Key(keyOf(t, 20).ID()); !slices.Equal(k.IDs, []string{"com.ada.*"}) {
		t.Error("the caller's slice is kept")
	}
	if string(s.Format()) != before {
		t.Error("the store changed")
	}
}

func TestMerge(t *testing.T) {
	s, err := (*trust.Store)(nil).Revoke("AAAAAAAAAAAAAAAA", now, "first")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at     time.Time
		reason string
		want   string
	}{
		{now.Add(day), "later", "first"}, {now, "same", "first"}, {now.Add(-day), "earlier", "earlier"}, {now, "back", "earlier"},
	} {
		if s, err = s.Merge([]trust.Revocation{{KeyID: "AAAAAAAAAAAAAAAA", At: c.at, Reason: c.reason}}); err != nil {
			t.Fatal(err)
		}
		if r, revoked := s.Revocation("AAAAAAAAAAAAAAAA"); !revoked || r.Reason != c.want {
			t.Errorf("after %s: %+v", c.reason, r)
		}
	}
	both := []trust.Revocation{{KeyID: "BBBBBBBBBBBBBBBB", At: now}, {KeyID: "x", At: now}}
	if after, err := s.Merge(both); after != nil || err == nil {
		t.Errorf("half of it is taken: %v", err)
	}
}

// TestLargestStore writes and reads the largest store, and refuses a larger one.
func TestLargestStore(t *testing.T) {
	if testing.Short() {
		t.Skip("slow with the race detector")
	}
	t.Parallel()
	var revocations []trust.Revocation
	for i := range trust.MaxRevocations {
		revocations = append(revocations, trust.Revocation{KeyID: fmt.Sprintf("%016X", i), At: now, Reason: strings.Repeat(`"`, trust.MaxText)})
	}
	s, err := (*trust.Store)(nil).Merge(revocations)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Revoke("FFFFFFFFFFFFFFFF", now, ""); err == nil {
		t.Error("one more revocation is taken")
	}
	text := s.Format()
	var ids []string
	for i := range trust.MaxIDs {
		ids = append(ids, fmt.Sprintf("a%059d.*", i))
	}
	for range trust.MaxKeys {
		private, _, err := trust.NewUnprotectedKey() // there are more than keyOf makes
		if err != nil {
			t.Fatal(err)
		}
		key := private.Public()
		text = fmt.Appendf(text, "[keys.%s]\nkey = \"%s\"\npublisher = \"%s\"\nids = [\"%s\"]\nfrom = 2026-01-01T00:00:00Z\nuntil = 2027-01-01T00:00:00Z\ncomment = \"%s\"\n",
			key.ID(), key, strings.Repeat("字", trust.MaxPublisher), strings.Join(ids, `", "`), strings.Repeat("字", trust.MaxText))
	}
	s, err = trust.Parse("trust.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := trust.Parse("trust.toml", s.Format())
	if err != nil || len(again.Keys()) != trust.MaxKeys || len(again.Revocations()) != trust.MaxRevocations {
		t.Fatal(err)
	}
	if _, err := s.Trust(ada(keyOf(t, 250))); err == nil {
		t.Error("one more key is taken")
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, trust.FileName)
	if _, err := trust.ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	s := whole(t)
	for range 2 {
		if err := s.WriteFile(path); err != nil {
			t.Fatal(err)
		}
	}
	again, err := trust.ReadFile(path)
	if err != nil || string(again.Format()) != string(s.Format()) {
		t.Errorf("read %v, %v", again, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if _, err := trust.ReadFile(dir); err == nil {
		t.Error("a folder is a trust store")
	}
	if err := os.WriteFile(path, []byte("[keys.x]\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = trust.ReadFile(path)
	if e, ok := errors.AsType[*trust.StoreError](err); !ok || e.File != path || e.Line != 1 {
		t.Errorf("%v", err)
	}
}
