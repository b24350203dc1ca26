package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// rehash returns lines with the numbers and hashes that make them a chain: what
// somebody does who can write the file and knows how.
func rehash(lines []string) []string {
	out := make([]string, len(lines))
	previous := make([]byte, sha256.Size)
	for i, l := range lines {
		_, rest, _ := strings.Cut(l, ",")
		body := fmt.Sprintf(`{"seq":%d,%s`, i+1, rest[:strings.LastIndex(rest, `,"hash":"`)])
		sum := sha256.Sum256(append(bytes.Clone(previous), body...))
		previous = sum[:]
		out[i] = body + `,"hash":"` + hex.EncodeToString(previous) + "\"}\n"
	}
	return out
}

// TestTampering changes a log in each way, and says what is found, and where.
// The line 1 is the log's own.
func TestTampering(t *testing.T) {
	path := written(t, 9, testOptions)
	whole := strings.SplitAfter(strings.TrimSuffix(read(t, path), "\n"), "\n")
	whole[len(whole)-1] += "\n"
	head, err := readHead(path)
	if err != nil {
		t.Fatal(err)
	}
	// The lines can be read and made again by what is written here alone.
	if diff := cmp.Diff(whole, rehash(whole)); diff != "" {
		t.Fatal(diff)
	}
	lines := func() []string { return append([]string(nil), whole...) }
	without := func(i int) []string { l := lines(); return append(l[:i], l[i+1:]...) }
	replace := func(i int, old, new string) []string {
		l := lines()
		if !strings.Contains(l[i], old) {
			t.Fatalf("%q is not in %s", old, l[i])
		}
		l[i] = strings.Replace(l[i], old, new, 1)
		return l
	}
	swapped := lines()
	swapped[3], swapped[4] = swapped[4], swapped[3]
	renumbered := without(4)
	for i := 4; i < len(renumbered); i++ {
		renumbered[i] = strings.Replace(renumbered[i], fmt.Sprintf(`"seq":%d,`, i+2), fmt.Sprintf(`"seq":%d,`, i+1), 1)
	}
	longer := lines()
	longer[4] = `{"seq":5,"kind":"` + strings.Repeat("x", maxLine) + "\n"
	forged := rehash(replace(4, "grant", "denial"))

	for _, tt := range []struct {
		name   string
		lines  []string
		line   int64
		reason Reason
		head   bool // it takes the head to find it
	}{
		{"one letter", replace(4, "weather", "weathen"), 5, Altered, false},
		{"a number", replace(4, `"i":3`, `"i":4`), 5, Altered, false},
		{"the time", replace(4, "2026-", "2025-"), 5, Altered, false},
		{"a hash", replace(4, `"hash":"`+whole[4][len(whole[4])-67:len(whole[4])-66], `"hash":"`+map[bool]string{true: "0", false: "1"}[whole[4][len(whole[4])-67] != '0']), 5, Altered, false},
		{"the last line", replace(9, "grant", "denial"), 10, Altered, false},
		{"the first line", replace(0, "2026-", "2025-"), 1, Altered, false},
		{"removed", without(4), 5, Sequence, false},
		{"removed and renumbered", renumbered, 5, Altered, false},
		{"the first removed", without(0), 1, NoBegin, false},
		{"all but the last removed", lines()[9:], 1, NoBegin, false},
		{"the last removed", without(9), 0, Truncated, true},
		{"half of them removed", lines()[:5], 0, Truncated, true},
		{"all removed", nil, 0, NoBegin, false},
		{"swapped", swapped, 4, Sequence, false},
		{"doubled", append(lines()[:5], lines()[4:]...), 6, Sequence, false},
		{"inserted", append(append(lines()[:5], rehash(whole)[0]), lines()[5:]...), 6, Sequence, false},
		{"an empty line", append(append(lines()[:5], "\n"), lines()[5:]...), 6, Malformed, false},
		{"a blank", replace(4, `,"sim"`, `, "sim"`), 5, Malformed, false},
		{"a field more", replace(4, `,"sim"`, `,"x":1,"sim"`), 5, Malformed, false},
		{"a field twice", replace(4, `,"sim":150000000`, `,"sim":1,"sim":150000000`), 5, Malformed, false},
		{"another escape", replace(4, "weather", `\u0077eather`), 5, Malformed, false},
		{"another line end", replace(4, "\n", "\r\n"), 5, Malformed, false},
		{"not JSON", replace(4, "{", "["), 5, Malformed, false},
		{"a huge line", longer, 5, TooLong, false},
		{"a torn line", append(lines()[:9], whole[9][:40]), 10, Torn, false},
		{"no last line end", append(lines()[:9], whole[9][:len(whole[9])-1]), 10, Torn, false},
		{"another format", rehash(replace(0, "audit 1", "audit 2")), 1, NoBegin, false},
		{"a beginning that has something before it", replace(0, strings.Repeat("0", 64), strings.Repeat("1", 64)), 1, NoBegin, false},
		{"two logs in one file", append(lines(), lines()...), 11, Sequence, false},
		{"a second beginning, chained", rehash(append(append(lines()[:5], whole[0]), lines()[5:]...)), 6, Sequence, false},
		{"a new chain", forged, 10, WrongHead, true},
		{"a new chain, shorter", forged[:9], 0, Truncated, true},
	} {
		text := strings.Join(tt.lines, "")
		check := func(how string, head *Head, want Reason) {
			s, err := Verify(strings.NewReader(text), head)
			if want == "" {
				if err != nil {
					t.Errorf("%s, %s: %v; it should take the head to find that", tt.name, how, err)
				}
				return
			}
			wrong, ok := errors.AsType[*VerifyError](err)
			if !ok || wrong.Reason != want || wrong.Line != tt.line {
				t.Errorf("%s, %s: %v; want %q in line %d", tt.name, how, err, want, tt.line)
			}
			if tt.line > 0 && want != WrongHead && s.Last >= uint64(tt.line) {
				t.Errorf("%s, %s: the summary tells of lines behind the error: %+v", tt.name, how, s)
			}
		}
		check("with the head", &head.Head, tt.reason)
		if tt.head {
			check("without", nil, "")
		} else {
			check("without", nil, tt.reason)
		}
		// A hash alone is an anchor too: it is in the log, or not.
		if _, err := Verify(strings.NewReader(text), &Head{Hash: head.Hash}); err == nil {
			t.Errorf("%s: not found with the hash", tt.name)
		}
		// And Open does not go on behind what is at the end.
		dir := t.TempDir()
		write(t, filepath.Join(dir, "a"), text)
		write(t, filepath.Join(dir, "a.head"), read(t, path+headSuffix))
		l, err := Open(filepath.Join(dir, "a"), testOptions)
		if err == nil {
			closeLog(t, l)
		} else if _, ok := errors.AsType[*VerifyError](err); !ok {
			t.Errorf("%s: Open: %v", tt.name, err)
		}
		if wrong, ok := errors.AsType[*VerifyError](err); tt.reason == Truncated && (!ok || wrong.Reason != Truncated) {
			t.Errorf("%s: Open: %v", tt.name, err)
		}
		atEnd := tt.line == 0 || tt.line >= 10
		if atEnd && err == nil && tt.reason != Altered {
			t.Errorf("%s: Open goes on", tt.name)
		}
	}
	if _, err := Verify(strings.NewReader(strings.Join(whole, "")), &head.Head); err != nil {
		t.Errorf("the log as it was: %v", err)
	}
}

// chained returns a line with the hash that it has behind previous.
func chained(previous hash, body string) (line string, h hash) {
	h = previous.next(newSummer(), []byte(body))
	return body + hashField + h.String() + hashEnd + "\n", h
}

// TestBeginnings begins files in ways that no log does, with hashes that are
// right.
func TestBeginnings(t *testing.T) {
	begin := func(seq string, previous hash) string {
		return `{"seq":` + seq + `,"time":"2026-02-03T04:05:06Z","sim":0,"kind":"audit.begin","attrs":{"format":"modrunner audit 1","previous":"` + previous.String() + `"}`
	}
	one := hash{1}
	for _, tt := range []struct {
		seq      string
		previous hash
		want     Reason
	}{
		{"1", hash{}, ""}, {"2", one, ""},
		{"0", hash{}, NoBegin}, {"0", one, NoBegin}, {"1", one, NoBegin}, {"2", hash{}, NoBegin},
		{"18446744073709551615", one, NoBegin}, {"01", hash{}, Malformed}, {"-1", hash{}, Malformed},
	} {
		line, _ := chained(tt.previous, begin(tt.seq, tt.previous))
		_, err := Verify(strings.NewReader(line), nil)
		if wrong, ok := errors.AsType[*VerifyError](err); ok && wrong.Reason != tt.want || !ok && (tt.want != "" || err != nil) {
			t.Errorf("number %s after %s: %v, want %q", tt.seq, tt.previous, err, tt.want)
		}
	}
	// A second file that says it follows another, and has the hash of one that does
	// follow.
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	first, h := chained(hash{}, begin("1", hash{}))
	write(t, path+archiveSuffix(1), first)
	for previous, want := range map[hash]Reason{h: "", one: Sequence} {
		second, last := chained(h, begin("2", previous))
		write(t, path, second)
		_, err := VerifyFile(path, &Head{2, last.String()})
		if wrong, ok := errors.AsType[*VerifyError](err); ok && wrong.Reason != want || !ok && (want != "" || err != nil) {
			t.Errorf("after %s: %v, want %q", previous, err, want)
		}
	}
}

// TestTamperedFiles changes the files around the log.
func TestTamperedFiles(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(path string)
		want   Reason
	}{
		"no head":           {func(p string) { os.Remove(p + ".head") }, HeadMissing},
		"no log":            {func(p string) { os.Remove(p) }, FileMissing},
		"an empty log":      {func(p string) { write(t, p, "") }, NoBegin},
		"an empty head":     {func(p string) { write(t, p+".head", "") }, BadHead},
		"a huge head":       {func(p string) { write(t, p+".head", read(t, p+".head")+strings.Repeat(" ", maxHead)) }, BadHead},
		"a head of nothing": {func(p string) { write(t, p+".head", "{}") }, BadHead},
		"a head that is not canonical": {func(p string) {
			write(t, p+".head", strings.Replace(read(t, p+".head"), "{", "{ ", 1))
		}, BadHead},
		"a later head": {func(p string) {
			write(t, p+".head", strings.Replace(read(t, p+".head"), `"seq":4`, `"seq":5`, 1))
		}, Truncated},
		"another hash": {func(p string) {
			h, _ := readHead(p)
			write(t, p+".head", strings.Replace(read(t, p+".head"), h.Hash, strings.Repeat("a", 64), 1))
		}, WrongHead},
		"a negative size": {func(p string) {
			write(t, p+".head", strings.Replace(read(t, p+".head"), `"size":`, `"size":-`, 1))
		}, BadHead},
	} {
		path := written(t, 3, testOptions)
		tt.change(path)
		wantReason(t, path, tt.want)
		l, err := Open(path, testOptions)
		if err == nil {
			closeLog(t, l)
		}
		if _, ok := errors.AsType[*VerifyError](err); !ok {
			t.Errorf("%s: Open: %v", name, err)
		}
		if _, err := os.Stat(path + ".lock"); err == nil {
			t.Errorf("%s: a lock is left behind", name)
		}
	}
	// Sizes that lead nowhere, in a head that is otherwise right: where to look is
	// not what to believe.
	for _, size := range []int64{1, 100, 1 << 40, 1<<63 - 1} {
		path := written(t, 3, testOptions)
		h, err := readHead(path)
		if err != nil {
			t.Fatal(err)
		}
		h.Size = size
		write(t, path+".head", string(h.encode()))
		verified(t, path)
		if _, err := Open(path, testOptions); err == nil {
			t.Errorf("size %d: opened", size)
		}
	}
	if _, err := VerifyFile(filepath.Join(t.TempDir(), "nowhere"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no log at all: %v", err)
	}
}

// TestTornLine cuts the last line at every byte, and opens the log.
func TestTornLine(t *testing.T) {
	path := written(t, 3, testOptions)
	text := read(t, path)
	l := openLog(t, path, testOptions)
	add(t, l, 3, 1)
	longer := read(t, path)
	tails := []string{strings.Repeat("\x00", 3*maxLine)} // of a system that lost its power
	for i := len(text); i < len(longer); i += min(7, max(1, len(longer)-1-i)) {
		tails = append(tails, longer[len(text):i])
	}
	closeLog(t, l)
	head := read(t, written(t, 3, testOptions)+headSuffix)
	for _, tail := range tails {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		write(t, path, text+tail)
		write(t, path+headSuffix, head)
		want := int64(0)
		if tail != "" {
			wantReason(t, path, Torn)
			want = 1
		}
		l := openLog(t, path, testOptions)
		add(t, l, 4, 1)
		closeLog(t, l)
		if s := verified(t, path); s.Repaired != want || s.Kinds["grant"] != 4 {
			t.Fatalf("%d bytes of a line: %+v", len(tail), s)
		}
		if got := read(t, path); !strings.HasPrefix(got, text) {
			t.Fatalf("%d bytes of a line: what was before is another", len(tail))
		}
	}
	// The same below the head is not what a crash does.
	write(t, path, text[:len(text)-1])
	wantReason(t, path, Torn)
	if _, err := Open(path, testOptions); err == nil {
		t.Error("Open repairs what the head says was whole")
	}
}

// TestReaders reads in pieces, and from readers that fail.
func TestReaders(t *testing.T) {
	path := written(t, 20, testOptions)
	text := read(t, path)
	if _, err := Verify(iotest.OneByteReader(strings.NewReader(text)), nil); err != nil {
		t.Error(err)
	}
	broken := errors.New("broken")
	s, err := Verify(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), nil)
	if !errors.Is(err, broken) || s.Last != 21 {
		t.Errorf("%v, %+v", err, s)
	}
}

// TestProgress tells of every line, and ends when it is told to.
func TestProgress(t *testing.T) {
	path := written(t, 20, testOptions)
	var sizes []int64
	s, err := VerifyFileProgress(path, nil, func(n int64) error { sizes = append(sizes, n); return nil })
	if err != nil || len(sizes) != 21 || sizes[20] != s.Bytes || s.Bytes != int64(len(read(t, path))) {
		t.Errorf("%v, %v, %+v", err, sizes, s)
	}
	stop := errors.New("stop")
	if s, err := VerifyFileProgress(path, nil, func(int64) error { return stop }); !errors.Is(err, stop) || s.Last != 1 {
		t.Errorf("%v, %+v", err, s)
	}
}

// TestReadFile gives back what was written, over all files, and nothing behind a line
// that is not what was written.
func TestReadFile(t *testing.T) {
	opts := testOptions
	opts.MaxSize = 1500
	path := written(t, 20, opts)
	var got []Record
	var texts strings.Builder
	s, err := ReadFile(path, nil, func(l Line) error {
		if l.Seq != uint64(strings.Count(texts.String(), "\n"))+1 {
			t.Errorf("line %d after %d", l.Seq, strings.Count(texts.String(), "\n"))
		}
		texts.WriteString(l.Text + "\n")
		if l.Record.Kind == "grant" {
			got = append(got, l.Record)
		}
		return nil
	})
	if err != nil || s.Files < 2 || int64(texts.Len()) != s.Bytes {
		t.Fatalf("%v, %+v", err, s)
	}
	for i, r := range got {
		want := record(i)
		want.Attrs[1] = slog.Int64("i", int64(i))
		if diff := cmp.Diff(want, r, cmp.Comparer(func(a, b slog.Attr) bool { return a.Equal(b) })); diff != "" {
			t.Errorf("record %d (-want +got):\n%s", i, diff)
		}
	}
	if len(got) != 20 {
		t.Errorf("%d records", len(got))
	}
	stop := errors.New("stop")
	if _, err := ReadFile(path, nil, func(Line) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	path = written(t, 20, testOptions)
	write(t, path, strings.Replace(read(t, path), `"i":7`, `"i":8`, 1))
	seen := 0
	_, err = ReadFile(path, nil, func(Line) error { seen++; return nil })
	if v, ok := errors.AsType[*VerifyError](err); !ok || v.Reason != Altered || seen != 8 {
		t.Errorf("%v after %d lines", err, seen)
	}
}

// FuzzVerify holds what Verify accepts against what a log writes.
func FuzzVerify(f *testing.F) {
	text := read(f, written(f, 3, testOptions))
	seeds := []string{text, text[:len(text)-10], "", "\n", strings.ReplaceAll(text, "grant", "denial")}
	lines := strings.SplitAfter(text, "\n")
	seeds = append(seeds, strings.Join(rehash([]string{lines[0], `{"seq":2,"time":"0001-01-01T00:00:00Z","sim":-1,"kind":"\ud83d\ude00","attrs":{"":1.5,"a":true,"a":"b"},"hash":"` + strings.Repeat("0", 64) + "\"}\n"}), ""))
	for _, s := range seeds {
		f.Add(s, uint64(0), "")
		f.Add(s, uint64(2), "00")
	}
	// What is behind the hashes is not reached by chance: lines without them get
	// them.
	for _, s := range seeds[:2] {
		var bodies strings.Builder
		for line := range strings.Lines(s) {
			body, _, ok := strings.Cut(line, hashField)
			if ok {
				bodies.WriteString(body + "\n")
			}
		}
		f.Add(bodies.String(), uint64(1), "")
	}
	f.Fuzz(func(t *testing.T, text string, seq uint64, last string) {
		checkVerify(t, text, seq, last)
		var all strings.Builder
		previous := hash{}
		for body := range strings.Lines(text) {
			body, previous = chained(previous, strings.TrimSuffix(body, "\n"))
			all.WriteString(body)
		}
		checkVerify(t, all.String(), seq, last)
	})
}

// checkVerify is the property of FuzzVerify.
func checkVerify(t *testing.T, text string, seq uint64, last string) {
	s, err := Verify(strings.NewReader(text), nil)
	if err != nil {
		if _, ok := errors.AsType[*VerifyError](err); !ok {
			t.Fatalf("untyped: %v", err)
		}
	}
	// What was accepted is a chain, whatever came behind it.
	accepted := text[:s.Bytes]
	if n := strings.Count(accepted, "\n"); uint64(n) != s.Last-s.First+1 && n > 0 {
		t.Fatalf("%d lines, %+v", n, s)
	}
	for line := range strings.Lines(accepted) {
		if !json.Valid([]byte(line)) {
			t.Fatalf("not JSON: %q", line)
		}
		for _, c := range []byte(line[:len(line)-1]) {
			if c < 0x20 || c >= 0x7f {
				t.Fatalf("%q would act on a terminal", line)
			}
		}
	}
	if err != nil {
		return
	}
	// The last line's hash is its head, and another is not.
	if s, err := Verify(strings.NewReader(text), &Head{s.Last, s.Hash}); err != nil || s.Ahead != 0 {
		t.Fatalf("%v, %+v", err, s)
	}
	if _, err := Verify(strings.NewReader(text), &Head{seq, last}); err == nil && !strings.Contains(text, last) {
		t.Fatalf("the head %d %q is not in it", seq, last)
	}
	if s.First == 1 {
		if diff := cmp.Diff(text, strings.Join(rehash(strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")), "")); diff != "" {
			t.Fatal(diff)
		}
	}
}
