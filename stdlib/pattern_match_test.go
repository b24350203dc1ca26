package stdlib

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/fuzz/reference"
)

// account is a worker that only counts.
type account struct {
	work, bytes int64
	most        int64 // largest single charge
	pausing     bool  // ask for a pause whenever there is a chance
	limit       int64 // of work, if not 0
}

var errSpent = errors.New("the account is spent")

func (a *account) Work(n int64) error {
	a.work += n
	a.most = max(a.most, n)
	if a.limit > 0 && a.work > a.limit {
		return errSpent
	}
	return nil
}

func (a *account) Reserve(n int64) error { a.bytes += n; return nil }
func (a *account) ShouldSuspend() bool   { return a.pausing }

// searchWith runs a matcher to its end and reports how often it paused.
func searchWith(w worker, s, p string, init int) (found *reference.Match, pauses int, err error) {
	text, anchored := strings.CutPrefix(p, "^")
	m := newMatcher(s, text, anchored)
	defer m.release()
	m.begin(init)
	for {
		v, err := m.search(w)
		switch {
		case err != nil:
			return nil, pauses, err
		case v == paused:
			pauses++
			continue
		case v == failed:
			return nil, pauses, nil
		}
		found = &reference.Match{Start: m.start, End: m.end}
		for _, c := range m.captures {
			switch c.end {
			case captureOpen:
				found.Captures = append(found.Captures, reference.Capture{Start: c.start, Open: true})
			case capturePosition:
				found.Captures = append(found.Captures, reference.Capture{Start: c.start, Position: true})
			default:
				found.Captures = append(found.Captures, reference.Capture{Start: c.start, End: c.end})
			}
		}
		return found, pauses, nil
	}
}

// sameWords reports whether two errors, or none, say the same.
func sameWords(a, b error) bool {
	return (a == nil) == (b == nil) && (a == nil || a.Error() == b.Error())
}

// checkAgainstReference reports false if the reference found the case too hard.
func checkAgainstReference(t *testing.T, s, p string, init int) bool {
	t.Helper()
	want, wantErr := reference.Find(s, p, init)
	if wantErr == reference.ErrTired {
		return false
	}
	straight := &account{}
	got, _, err := searchWith(straight, s, p, init)
	if !sameWords(err, wantErr) {
		t.Fatalf("find(%q, %q, %d): error %v, want %v", s, p, init, err, wantErr)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("find(%q, %q, %d) (-want +got):\n%s", s, p, init, diff)
	}
	halting := &account{pausing: true}
	again, pauses, err := searchWith(halting, s, p, init)
	if diff := cmp.Diff(want, again); diff != "" || !sameWords(err, wantErr) {
		t.Fatalf("find(%q, %q, %d) with %d pauses: %v (-want +got):\n%s", s, p, init, pauses, err, diff)
	}
	if straight.work != halting.work || straight.bytes != halting.bytes {
		t.Fatalf("find(%q, %q, %d): charged %d work and %d bytes, with %d pauses %d and %d",
			s, p, init, straight.work, straight.bytes, pauses, halting.work, halting.bytes)
	}
	if straight.most > 2*matchBatch+int64(len(s)) {
		t.Fatalf("find(%q, %q, %d): one charge of %d units", s, p, init, straight.most)
	}
	return true
}

var patternSeeds = []struct {
	subject, pattern string
}{
	{"", ""}, {"hello world", "o w"}, {"hello world", "l+"}, {"hello", "xyz"}, {"hello", "(h)(e)(l+)"},
	{"key = value", "^(%w+)%s*=%s*(%w+)$"}, {"THE (quick) fox", "%((%a+)%)"}, {"x = f(a(b)c)d", "%b()"},
	{"THE (quick) fox", "%f[%a]%a+%f[%A]"}, {"aaa", "a-"}, {"aaab", "a-b"}, {"aaab", "^a-$"}, {"abab", "(a)(b)%1%2"},
	{`"it's"`, `(["'])(.-)%1`}, {"abc", "()b()"}, {"[]]", "[]]+"}, {"a^b", "[a^]+"}, {"a-z", "[a%-z]+"}, {"x-%]y", "[x-%%]"},
	{"+]", "[+-%]]"}, {"]", "[^]"}, {"abc", "%"}, {"abc", "[a"}, {"abc", "[a%"}, {"abc", "%f"}, {"abc", "("}, {"abc", ")"},
	{"abc", "%1"}, {"abc", "(%1)"}, {"abc", "%0"}, {"abc", "%b"}, {"abc", "%bx"}, {"xx", "%bxx"}, {"a\x00b", "%z"}, {"a\x00b", "[\x00]b"},
	{"aXb", "a%ub"}, {"    x", "^%s*(.-)%s*$"}, {"a?b*c", "a%?b%*c"}, {"$", "$"}, {"a$b", "a$b"}, {"aa", "a$"}, {"\xff\x80", "[\x80-\xff]*"},
	{"one;two;;four", "([^;]*)"}, {"abcabc", "(a(b)(c))%1"}, {"aaaa", "a?a?a?a?aaaa"}, {"abc", "()()()"}, {"abcde", "((a)(b)(c)(d)(e))"},
	{"0x1F", "^0[xX](%x+)$"}, {"x", "x*x*x*x*"}, {"abcb", "(.-)b%f[%z]"}, {"ab", "[%a-z]"}, {"ab", "[b-a]"}, {"a]b", "[%]]"}, {"a", "()%1"},
}

// TestMatcherAgainstReference covers find, match, gmatch and gsub: all use this matcher.
func TestMatcherAgainstReference(t *testing.T) {
	for _, c := range patternSeeds {
		for init := 0; init <= len(c.subject); init++ {
			if !checkAgainstReference(t, c.subject, c.pattern, init) {
				t.Errorf("find(%q, %q): the reference gave up", c.subject, c.pattern)
			}
		}
	}
	// Longer than every batch and every part that a matcher has inline.
	long := strings.Repeat("ab c,", 400)
	for _, p := range []string{"c,$", "x", "(.*)%s", "[^,]*,[^,]*,$", "%b %b,", strings.Repeat("(a-)", 20) + "c", strings.Repeat("a?", 40) + "b c,ab c"} {
		if !checkAgainstReference(t, long, p, 0) {
			t.Errorf("find(long, %q): the reference gave up", p)
		}
	}
}

func TestStringStateSizes(t *testing.T) {
	for _, c := range []struct {
		name string
		said int64
		of   any
	}{
		{"matcher", matcherBytes, matcher{}},
		{"gsub", gsubBytes + matcherBytes, gsub{}},
		{"gmatch", gmatchBytes, gmatch{}},
		{"formatting", formattingBytes, formatting{}},
		{"item", itemBytes, item{}},
		{"choice", choiceBytes, choice{}},
		{"capture", captureBytes, capture{}},
		{"byteSet", setBytes, byteSet{}},
	} {
		if size := int64(reflect.TypeOf(c.of).Size()); size > c.said || size < c.said*4/5 {
			t.Errorf("a %s is charged %d bytes and has %d", c.name, c.said, size)
		}
	}
}

// TestMatcherStopsWithItsAccount shows that a search that would take years is
// over at once when the account is spent, no more than a batch late.
func TestMatcherStopsWithItsAccount(t *testing.T) {
	const limit = 100_000
	for _, c := range []struct{ name, s, p string }{
		{"lazy", strings.Repeat("a", 100), ".-.-.-.-.-b"},
		{"greedy", strings.Repeat("a", 200_000), "a*b"},
		{"back references", strings.Repeat("a", 1000), "(.-)(.-)%1%2%1%2b"},
		{"optional", strings.Repeat("a", 40), strings.Repeat("a?", 40) + strings.Repeat("a", 41)},
		{"balance", strings.Repeat("(", 200_000), "%b()"},
		{"items", "a", strings.Repeat("a?", 500_000)},
		{"set", "a", "[" + strings.Repeat("b", 500_000) + "]"},
		{"set to the end", "a", "[" + strings.Repeat("b", 500_000)},
		{"first", strings.Repeat("a", 50_000_000), "[bc]"},
		{"first byte", strings.Repeat("a", 50_000_000), "b*b.b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &account{limit: limit}
			if _, _, err := searchWith(a, c.s, c.p, 0); err != errSpent {
				t.Fatalf("got %v after %d units", err, a.work)
			}
			if a.work > 2*limit { // the last charge may be for more items
				t.Errorf("%d units charged of %d", a.work, limit)
			}
			if a.bytes > 64*limit {
				t.Errorf("%d bytes for %d units", a.bytes, a.work)
			}
		})
	}
}

func TestMatcherRefusesManyCapturesFast(t *testing.T) {
	a := &account{}
	_, _, err := searchWith(a, "", strings.Repeat("(", 3_000_000), 0)
	if err != errTooManyCaptures {
		t.Errorf("got %v, want %v", err, errTooManyCaptures)
	}
	if a.work > 200 {
		t.Errorf("%d units to find the 33rd capture", a.work)
	}
}

// TestMatcherDepth matches patterns that took a recursive matcher a stack frame
// for each item.
func TestMatcherDepth(t *testing.T) {
	const n = 1_000_000
	for _, c := range []struct{ name, s, p string }{
		{"optional", strings.Repeat("a", n), strings.Repeat("a?", n)},
		{"lazy", "b", strings.Repeat("a-", n) + "b"},
		{"star", strings.Repeat("ab", n/2), strings.Repeat("a*b*", n/2)},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &account{}
			got, _, err := searchWith(a, c.s, c.p, 0)
			if err != nil {
				t.Fatal(err)
			}
			if want := (&reference.Match{End: len(c.s)}); !cmp.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if need := int64(n) * itemBytes; a.bytes < need {
				t.Errorf("%d bytes reserved for %d items", a.bytes, n)
			}
		})
	}
}

// TestMatcherChargeGrowsInProportion doubles the work and looks at the charge.
func TestMatcherChargeGrowsInProportion(t *testing.T) {
	for _, c := range []struct {
		name string
		s    func(n int) string
		p    func(n int) string
		grow float64 // factor for a subject twice as long
	}{
		{"linear", many("a"), fixed("a*$"), 2},
		{"quadratic", many("a"), fixed("a*b"), 4},
		{"cubic", many("a"), fixed("a*a*b"), 8},
		{"sets", many("a"), fixed("[%w_]+$"), 2},
		{"skipped starts", many("a"), fixed("[bc]d"), 2},
		{"balance", many("("), fixed("^%b()"), 2},
		{"back reference", many("a"), fixed("^(a*)%1b"), 2},
		{"pattern", fixed("a"), many("a?"), 2},
		{"members", fixed("a"), func(n int) string { return "[" + strings.Repeat("x", n) + "]" }, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			cost := func(n int) float64 {
				a := &account{}
				if _, _, err := searchWith(a, c.s(n), c.p(n), 0); err != nil {
					t.Fatal(err)
				}
				return float64(a.work)
			}
			for n := 128; n <= 256; n *= 2 {
				if got := cost(2*n) / cost(n); got < 0.75*c.grow || got > 1.25*c.grow {
					t.Errorf("from %d to %d the charge grew by %.2f, want about %.0f", n, 2*n, got, c.grow)
				}
			}
		})
	}
}

func many(s string) func(int) string  { return func(n int) string { return strings.Repeat(s, n) } }
func fixed(s string) func(int) string { return func(int) string { return s } }

func BenchmarkMatcher(b *testing.B) {
	text := strings.Repeat("The quick brown fox, 42 jumps over = the lazy dog;\n", 20)
	for _, c := range []struct{ name, s, p string }{
		{"short", "hello world", "o w"},
		{"words", text, "%a+ %d+ %a+ zebra"},
		{"set", text, "[^\n]*;\n$"},
		{"trim", "   some text here   ", "^%s*(.-)%s*$"},
		{"pairs", "key = value", "^(%w+)%s*=%s*(%w+)$"},
	} {
		b.Run(c.name, func(b *testing.B) {
			a := &account{}
			for b.Loop() {
				if _, err := benchSearch(a, c.s, c.p); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(a.work), "ns/unit")
		})
	}
}

func benchSearch(w worker, s, p string) (verdict, error) {
	text, anchored := strings.CutPrefix(p, "^")
	m := newMatcher(s, text, anchored)
	m.begin(0)
	v, err := m.search(w)
	m.release()
	return v, err
}
