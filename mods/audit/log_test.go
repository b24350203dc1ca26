package audit

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fixed is the clock of the tests.
func fixed() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC) }

// testOptions sync when they are told to, and at the end.
var testOptions = Options{SyncEvery: -1, Now: fixed}

func openLog(t testing.TB, path string, opts Options) *Log {
	t.Helper()
	if opts.Now == nil {
		opts.Now = fixed
	}
	l, err := Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func closeLog(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// record returns the i-th of some records.
func record(i int) Record {
	return Record{
		Time: fixed().Add(time.Duration(i) * time.Second), Sim: time.Duration(i) * 50 * time.Millisecond,
		Kind: "grant", Mod: "weather", Version: "1.2.0", Digest: "sha256:abc",
		Attrs: []slog.Attr{slog.String("capability", "storage"), slog.Int("i", i)},
	}
}

func add(t testing.TB, l *Log, from, n int) {
	t.Helper()
	for i := range n {
		if err := l.Append(record(from + i)); err != nil {
			t.Fatal(err)
		}
	}
}

// written returns the path of a log with so many records, closed.
func written(t testing.TB, n int, opts Options) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := openLog(t, path, opts)
	add(t, l, 0, n)
	closeLog(t, l)
	return path
}

func verified(t testing.TB, path string) Summary {
	t.Helper()
	s, err := VerifyFile(path, nil)
	if err != nil {
		t.Fatalf("%v\n%+v", err, s)
	}
	return s
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestForm keeps the form of the lines, which is on disks.
func TestForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := openLog(t, path, testOptions)
	err := l.Append(Record{
		Time: time.Date(2026, 1, 1, 1, 0, 0, 500, time.FixedZone("", 3600)), Sim: time.Second, Kind: "call", Mod: "m",
		Attrs: []slog.Attr{
			slog.String("text", "tab\t\"quote\" \x1b[31m é \U0001F600 \xff"),
			slog.Bool("yes", true), slog.Int("n", -1), slog.Uint64("u", math.MaxUint64),
			slog.Float64("f", 2), slog.Float64("g", 1e300), slog.Float64("nan", math.NaN()),
			slog.Duration("d", time.Minute), slog.Time("t", time.Unix(0, 0)),
			slog.Group("http", slog.String("host", "example.com"), slog.Group("", slog.Int("status", 200))),
			slog.Any("err", errors.New("no")), slog.Any("nothing", nil), slog.Any("other", []int{1}),
			slog.Any("nil", (*LockedError)(nil)), slog.Int("n", 2), slog.Int("n", 3), {},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(Record{Kind: "state", Version: "1", Digest: "d", Time: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	want := `{"seq":1,"time":"2026-02-03T04:05:06.000007Z","sim":0,"kind":"audit.begin","attrs":{"format":"modrunner audit 1","previous":"0000000000000000000000000000000000000000000000000000000000000000"},"hash":"#"}
{"seq":2,"time":"2026-01-01T00:00:00.0000005Z","sim":1000000000,"kind":"call","mod":"m","attrs":{"text":"tab\u0009\"quote\" \u001b[31m \u00e9 \ud83d\ude00 ?","yes":true,"n":-1,"u":18446744073709551615,"f":2.0,"g":1e+300,"nan":"NaN","d":"1m0s","t":"1970-01-01T00:00:00Z","http.host":"example.com","http.status":200,"err":"no","nothing":"<nil>","other":"<[]int>","nil":"<panic>","n#2":2,"n#3":3},"hash":"#"}
{"seq":3,"time":"0001-01-01T00:00:00Z","sim":0,"kind":"state","version":"1","digest":"d","hash":"#"}
`
	got := read(t, path)
	var without strings.Builder
	for line := range strings.Lines(got) {
		body, h, ok := splitLine([]byte(strings.TrimSuffix(line, "\n")))
		if !ok {
			t.Fatalf("no hash: %q", line)
		}
		fmt.Fprintf(&without, "%s,\"hash\":\"#\"}\n", body)
		if len(h.String()) != 64 {
			t.Errorf("hash %s", h)
		}
	}
	if diff := cmp.Diff(want, without.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	s := verified(t, path)
	if s.Last != 3 || !strings.HasSuffix(got, s.Hash+"\"}\n") {
		t.Errorf("%+v", s)
	}
	if diff := cmp.Diff(map[string]int64{beginKind: 1, "call": 1, "state": 1}, s.Kinds); diff != "" {
		t.Error(diff)
	}
	head := fmt.Sprintf(`{"format":"modrunner audit 1","seq":3,"hash":"%s","size":%d}`+"\n", s.Hash, len(got))
	if diff := cmp.Diff(head, read(t, path+headSuffix)); diff != "" {
		t.Errorf("head (-want +got)\n%s", diff)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("others can read it: %v %v", info.Mode(), err)
	}
}

// TestBounds writes the largest record there is, of the worst bytes, and still
// everything can be read.
func TestBounds(t *testing.T) {
	worst := strings.Repeat("\x00", 100<<10)
	r := Record{Kind: worst, Mod: worst, Version: worst, Digest: worst, Sim: math.MinInt64, Time: fixed()}
	for i := range 100 {
		r.Attrs = append(r.Attrs, slog.String(fmt.Sprint(worst, i), worst))
	}
	deep := slog.Int("deep", 1)
	for range 100 {
		deep = slog.Group(worst, deep)
	}
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := openLog(t, path, testOptions)
	for _, r := range []Record{r, {Kind: "deep", Attrs: []slog.Attr{deep}}} {
		if err := l.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	closeLog(t, l)
	verified(t, path)
	for line := range strings.Lines(read(t, path)) {
		if len(line) > maxLine {
			t.Errorf("a line of %d bytes", len(line))
		}
		rec, ok := parseLine([]byte(line[:len(line)-1-hashTail]))
		if !ok || len(rec.attrs) > maxAttrs+1 {
			t.Errorf("%t: %d attributes", ok, len(rec.attrs))
		}
	}
	if text := read(t, path); !strings.Contains(text, `"omitted":68`) || !strings.Contains(text, "...[+") || !strings.Contains(text, `"omitted":1`) {
		t.Error("what was cut is not marked")
	}
	for _, text := range []string{strings.Repeat("é", 1000), strings.Repeat("\xa9", 2000), strings.Repeat("x", 1025), strings.Repeat("\U0001F600", 500)} {
		if got := cut(text, maxText); len(got) > maxText || !strings.HasSuffix(got, " bytes]") || strings.Contains(got, "?") != strings.Contains(text, "\xa9\xa9") {
			t.Errorf("%q", got)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := openLog(t, path, testOptions)
	for _, kind := range []string{"", "audit.", beginKind, "audit.other"} {
		if _, ok := errors.AsType[*RecordError](l.Append(Record{Kind: kind})); !ok {
			t.Errorf("kind %q is not refused", kind)
		}
	}
	closeLog(t, l)
	for name, err := range map[string]error{"Append": l.Append(record(0)), "Sync": l.Sync(), "Close": l.Close()} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	if s := verified(t, path); s.Last != 1 {
		t.Errorf("%+v", s)
	}
}

// TestTwoOpeners opens a log twice, and again when it is closed.
func TestTwoOpeners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := openLog(t, path, testOptions)
	_, err := Open(path, testOptions)
	if locked, ok := errors.AsType[*LockedError](err); !ok || locked.Path != path {
		t.Errorf("the second opener got %v", err)
	}
	add(t, l, 0, 3)
	closeLog(t, l)
	if _, err := os.Stat(path + ".lock"); err == nil {
		t.Error("a lock file is left behind")
	}
	l = openLog(t, path, testOptions)
	add(t, l, 3, 3)
	closeLog(t, l)
	if s := verified(t, path); s.Last != 7 || s.Kinds["grant"] != 6 {
		t.Errorf("%+v", s)
	}
	// Many at a time: one has it, always.
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				l, err := Open(path, testOptions)
				if err == nil {
					err = errors.Join(l.Append(record(0)), l.Close())
				} else if _, ok := errors.AsType[*LockedError](err); ok {
					err = nil
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	verified(t, path)
}

// TestGoroutines appends, syncs and puts away from many goroutines.
func TestGoroutines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := openLog(t, path, Options{SyncEvery: 7, MaxSize: 20 << 10})
	const goroutines, each = 8, 100
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			for i := range each {
				r := record(i)
				r.Mod = fmt.Sprint("mod", g)
				if err := l.Append(r); err != nil {
					t.Error(err)
				}
				if i%25 == 0 {
					if err := l.Sync(); err != nil {
						t.Error(err)
					}
				}
				_ = l.Head()
			}
		})
	}
	group.Wait()
	if err := l.Err(); err != nil {
		t.Error(err)
	}
	head := l.Head()
	closeLog(t, l)
	s := verified(t, path)
	if s.Kinds["grant"] != goroutines*each || s.Files < 3 || s.Hash != head.Hash || s.Last != head.Seq || s.Ahead != 0 {
		t.Errorf("%+v, head %+v", s, head)
	}
}

// TestBackgroundSync shows that the head follows the log without anybody asking.
func TestBackgroundSync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := openLog(t, path, Options{SyncEvery: 10})
	for i := 0; ; i++ { // the first sync comes some time after the tenth record
		add(t, l, i, 1)
		h, err := readHead(path)
		if err != nil {
			t.Fatal(err)
		}
		if h.Seq > 1 {
			break
		}
		runtime.Gosched()
	}
	for _, every := range []int{1, -1} {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		l := openLog(t, path, Options{SyncEvery: every})
		add(t, l, 0, 5)
		want := uint64(1) // the first line
		if every == 1 {
			want = 6
		}
		if h, err := readHead(path); err != nil || h.Seq != want {
			t.Errorf("SyncEvery %d: %+v, %v; want %d", every, h, err, want)
		}
	}
}

func wantReason(t testing.TB, path string, want Reason) {
	t.Helper()
	s, err := VerifyFile(path, nil)
	if wrong, ok := errors.AsType[*VerifyError](err); !ok || wrong.Reason != want {
		t.Errorf("%v, want %q; %+v", err, want, s)
	}
}

func verifiedText(t testing.TB, text string) Summary {
	t.Helper()
	s, err := Verify(strings.NewReader(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func BenchmarkAppend(b *testing.B) {
	for name, every := range map[string]int{"alone": -1, "default": 0} {
		b.Run(name, func(b *testing.B) {
			l := openLog(b, filepath.Join(b.TempDir(), "audit.jsonl"), Options{SyncEvery: every})
			r := record(1)
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Append(r); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(l.size / max(1, l.lines))
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	text := []byte(read(b, written(b, 10000, testOptions)))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Verify(bytes.NewReader(text), nil); err != nil {
			b.Fatal(err)
		}
	}
}
