package hostile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/luasandbox/modrunner/limits"
)

// corpus is where the scripts are, one folder for each class.
const corpus = "../../testdata/hostile"

// classes are the folders, in the order of the page.
var classes = []string{
	"fatal-crash", "cpu-without-instructions", "memory", "hook-escape", "environment-escape", "host-object-escape",
	"information-leak", "output-flooding", "parser-and-compiler", "error-objects", "hash-collisions", "nondeterminism",
}

// ordinary are the limits of a script that names no others; those that attack the
// memory have a quarter of it.
var ordinary = limits.Limits{Instructions: 2_000_000, Memory: 8 << 20}

// A script is a hostile Lua file. Its first line is a comment that says what it
// tries. Then come, in any order,
//
//	-- limits: kind=n ...   in place of the ordinary ones
//	-- stock: full          the control has all of gopher-lua's libraries
//	-- figures: vary        a flaw: other figures in slices than in one piece
//	-- clock: unwatched     a flaw: there is a piece of work above mostUnwatched in it
//	-- generate             the file is not the attack: it returns the attack's source
//
// and the program, with marks at the ends of lines:
//
//	--> text   a line that it prints; all it prints, in the file's order
//	--! text   an error at this line whose message contains the text ends it
//	--!! text  the same, of a message without a place
//	--# kind   this limit ends it
//
// A script without one of the last three has to end well. It prints ESCAPED or
// LEAKED, with what, where it got what it came for.
type script struct {
	class, name string // its file is class/name.lua
	about       string
	file        string // what is in the file
	limits      limits.Limits
	full        bool
	varies      bool // the flaw of figures
	unwatched   bool // the flaw of the clock
	output      []string
	fails, says string // what the message begins with, and contains
	kind        limits.Kind
	ends        bool // with an error or a limit

	generated bool
	once      sync.Once
	made      string
}

// text returns the source of the attack.
func (s *script) text() string {
	if !s.generated {
		return s.file
	}
	s.once.Do(func() {
		made, err := generate(s.file)
		if err != nil {
			panic(s.id() + ": " + err.Error())
		}
		s.made = made
	})
	return s.made
}

func (s *script) id() string { return s.class + "/" + s.name }

// verdict is how the script has to end, in a word or two.
func (s *script) verdict() string {
	switch {
	case !s.ends:
		return "ends"
	case s.kind.Valid():
		return "limit: " + s.kind.String()
	default:
		return "error"
	}
}

var load = sync.OnceValues(func() ([]*script, error) {
	var all []*script
	for _, class := range classes {
		files, err := filepath.Glob(filepath.Join(corpus, class, "*.lua"))
		if err != nil {
			return nil, err
		}
		slices.Sort(files)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			s, err := parse(class, strings.TrimSuffix(filepath.Base(file), ".lua"), string(text))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			all = append(all, s)
		}
	}
	return all, nil
})

// scripts returns the whole corpus.
func scripts(t testing.TB) []*script {
	t.Helper()
	all, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func parse(class, name, text string) (*script, error) {
	s := &script{class: class, name: name, file: text, limits: ordinary}
	lines := strings.Split(text, "\n")
	about, ok := strings.CutPrefix(lines[0], "-- ")
	if !ok || strings.ContainsAny(about, "|") {
		return nil, fmt.Errorf("the first line should say what the script tries")
	}
	s.about = about
	if class == "memory" {
		s.limits.Memory /= 4 // so that it is full within the ordinary instructions
	}
	for i, l := range lines {
		if list, ok := strings.CutPrefix(l, "-- limits: "); ok {
			for _, one := range strings.Fields(list) {
				kind, n, err := parseLimit(one)
				if err != nil {
					return nil, err
				}
				s.limits = s.limits.With(kind, n)
			}
			continue
		}
		s.full = s.full || l == "-- stock: full"
		s.varies = s.varies || l == "-- figures: vary"
		s.unwatched = s.unwatched || l == "-- clock: unwatched"
		s.generated = s.generated || l == "-- generate"
		if _, want, ok := strings.Cut(l, "--> "); ok {
			s.output = append(s.output, want)
		} else if _, want, ok := strings.Cut(l, "--! "); ok {
			s.fails, s.says, s.ends = fmt.Sprintf("%s.lua:%d: ", name, i+1), want, true
		} else if _, want, ok := strings.Cut(l, "--!! "); ok {
			s.says, s.ends = want, true
		} else if _, want, ok := strings.Cut(l, "--# "); ok {
			kind, err := limits.ParseKind(want)
			if err != nil {
				return nil, err
			}
			s.kind, s.ends = kind, true
		}
	}
	return s, nil
}

func parseLimit(s string) (limits.Kind, int64, error) {
	name, value, _ := strings.Cut(s, "=")
	kind, err := limits.ParseKind(name)
	if err != nil {
		return kind, 0, err
	}
	n, err := strconv.ParseInt(value, 10, 64)
	return kind, n, err
}

// check returns what is wrong with how a run of s ended.
func (s *script) check(o *outcome) (wrong []string) {
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if got := strings.Join(lines(o.Output), "\n"); got != strings.Join(s.output, "\n") {
		complain("printed\n%.2000s\nwant\n%.2000s", got, strings.Join(s.output, "\n"))
	}
	for _, l := range lines(o.Output) {
		if strings.HasPrefix(l, "ESCAPED") || strings.HasPrefix(l, "LEAKED") {
			complain("%.200s", l)
		}
	}
	if strings.Contains(o.Output, secret) || strings.Contains(o.Err, secret) || strings.Contains(o.Traceback, secret) {
		complain("the secret got out")
	}
	ended := o.Limit != "" || o.Err != ""
	switch {
	case !s.ends && ended:
		complain("ended with %q %.500s", o.Limit, o.Err)
	case s.kind.Valid() && (o.Limit != s.kind.String() || o.Caught):
		complain("ended with %q %.500s, want the limit of %v", o.Limit, o.Err, s.kind)
	case s.ends && !s.kind.Valid() && (o.Err == "" || o.Limit != "" && !o.Caught ||
		!strings.HasPrefix(o.Err, s.fails) || !strings.Contains(o.Err, s.says)):
		complain("ended with %q %.500s, want an error at %q that says %q", o.Limit, o.Err, s.fails, s.says)
	}
	l := s.limits.WithDefaults()
	if o.Instructions > l.Instructions {
		complain("%d instructions of %d", o.Instructions, l.Instructions)
	}
	if o.Peak > l.Memory/4*5 {
		complain("%d bytes live, of %d", o.Peak, l.Memory)
	}
	if n := int64(len(o.Output)); n > l.Output {
		complain("%d bytes of output, of %d", n, l.Output)
	}
	return wrong
}

// lines cuts an output into lines.
func lines(output string) []string {
	if output == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(output, "\n"), "\n")
}

// outcome is what came of one run of a script.
type outcome struct {
	Script       string
	Output       string
	Limit        string // the kind of the limit that was hit, or nothing
	Caught       bool   // the limit reached the host as an ordinary error of the script
	Err          string
	Traceback    string
	Instructions int64
	Peak         int64 // bytes
	Damage       string
}

// TestCorpus holds the corpus to what it promises, and the marks to their meaning.
func TestCorpus(t *testing.T) {
	all := scripts(t)
	if len(all) < 150 {
		t.Errorf("%d scripts; there should be at least 150", len(all))
	}
	count := map[string]int{}
	for _, s := range all {
		count[s.class]++
		for i, l := range s.output {
			if strings.HasPrefix(l, "ESCAPED") || strings.HasPrefix(l, "LEAKED") {
				t.Errorf("%s: line %d of the wanted output is an escape", s.id(), i)
			}
		}
	}
	for _, class := range classes {
		if count[class] < 8 {
			t.Errorf("%s has %d scripts", class, count[class])
		}
	}
	folders, err := os.ReadDir(corpus)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if f.IsDir() && !slices.Contains(classes, f.Name()) {
			t.Errorf("the folder %s is no class", f.Name())
		}
	}
}

func TestMarks(t *testing.T) {
	const head = "-- what it tries\n"
	for _, tt := range []struct {
		name, text string
		outcome    outcome
		wrong      int
	}{
		{"ends", "return", outcome{}, 0},
		{"ends with an error", "return", outcome{Err: "x.lua:2: oh"}, 1},
		{"prints", "print(1) --> 1", outcome{Output: "1\n"}, 0},
		{"prints nothing", "print(1) --> 1", outcome{}, 1},
		{"prints more", "print(1) --> 1", outcome{Output: "1\n2\n"}, 1},
		{"escapes", "return", outcome{Output: "ESCAPED\n"}, 2},
		{"shows the secret", "error() --!! ", outcome{Err: secret}, 1},
		{"error", "error'no' --! no", outcome{Err: "x.lua:2: no"}, 0},
		{"error elsewhere", "error'no' --! no", outcome{Err: "x.lua:3: no"}, 1},
		{"no error", "error'no' --! no", outcome{}, 1},
		{"limit for an error", "error'no' --! no", outcome{Err: "x.lua:2: no", Limit: "memory"}, 1},
		{"limit as an error", "error'no' --! no", outcome{Err: "x.lua:2: no", Limit: "depth", Caught: true}, 0},
		{"limit", "while true do end --# instructions", outcome{Limit: "instructions", Err: "limit", Instructions: 2_000_000}, 0},
		{"another limit", "while true do end --# instructions", outcome{Limit: "memory", Err: "limit"}, 1},
		{"a limit that is caught", "while true do end --# instructions", outcome{Limit: "instructions", Err: "limit", Caught: true}, 1},
		{"no limit", "while true do end --# instructions", outcome{}, 1},
		{"overshoot", "while true do end --# instructions", outcome{Limit: "instructions", Err: "limit", Instructions: 2_000_001}, 1},
		{"other limits", "-- limits: instructions=10 memory=100\nreturn", outcome{Instructions: 11, Peak: 126}, 2},
	} {
		s, err := parse("memory", "x", head+tt.text)
		if err != nil {
			t.Fatal(err)
		}
		if wrong := s.check(&tt.outcome); len(wrong) != tt.wrong {
			t.Errorf("%s: %d complaints, want %d: %q", tt.name, len(wrong), tt.wrong, wrong)
		}
	}
	for _, text := range []string{"return", head + "-- limits: magic=3", head + "x() --# magic"} {
		if _, err := parse("memory", "x", text); err == nil {
			t.Errorf("%q was taken for a script", text)
		}
	}
}

// bounded is a buffer that takes no more than a number of bytes, and drops the rest.
type bounded struct {
	bytes.Buffer
	max     int
	dropped int
}

func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.max-b.Len())
	b.Buffer.Write(p[:n])
	b.dropped += len(p) - n
	return len(p), nil
}
