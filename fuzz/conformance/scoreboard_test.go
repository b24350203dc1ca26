package conformance

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

//go:generate go test -run "^TestScoreboard$" . -args -update

var update = flag.Bool("update", false, "write SCOREBOARD.md anew")

// file is one file of a suite, made ready to run.
type file struct {
	suite, name string
	dir         string // of the suite
	text        string // to run
	lines       []int  // of each site
	rules       rules
	sha256      string
}

func (f *file) String() string { return f.suite + "/" + f.name }

// suiteDir returns the folder of a suite in the gopher-lua module.
func suiteDir(t *testing.T, suite string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yuin/gopher-lua").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), suite)
}

// files returns the files of the suites, in order.
func files(t *testing.T) (all []*file) {
	t.Helper()
	for _, suite := range suites {
		dir := suiteDir(t, suite)
		names, err := filepath.Glob(filepath.Join(dir, "*.lua"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no files in %s (%v)", dir, err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(b)
			f := &file{suite: suite, name: filepath.Base(name), dir: dir, sha256: hex.EncodeToString(sum[:8])}
			f.rules = tables[f.String()]
			f.prepare(t, string(b))
			all = append(all, f)
		}
	}
	return all
}

// prepare instruments a file's text and takes out the lines that its rules leave out.
func (f *file) prepare(t *testing.T, text string) {
	t.Helper()
	text, f.lines = instrument(text)
	lines := strings.SplitAfter(text, "\n")
	last := 0
	for _, r := range f.rules.list {
		if r.first > r.last || r.last > len(lines) {
			t.Fatalf("%s: a rule for the lines %d to %d of %d", f, r.first, r.last, len(lines))
		}
		if r.first <= last && r.site == 0 {
			t.Fatalf("%s: the rule for line %d overlaps the one before it, or is out of order", f, r.first)
		}
		last = r.last
		if r.kind != leftOut {
			continue
		}
		for i := r.first - 1; i < r.last; i++ {
			lines[i] = "\n"
		}
		lines[r.first-1] = r.instead + "\n"
	}
	f.text = "local __check = __check " + f.rules.before + strings.Join(lines, "") + "\n" + f.rules.after
}

// in returns those of sites whose lines a rule is for.
func (f *file) in(r rule, sites []int) (some []int) {
	for _, site := range sites {
		if line := f.lines[site-1]; r.first <= line && line <= r.last && (r.site == 0 || r.site == site) {
			some = append(some, site)
		}
	}
	return some
}

// all returns every site of the file.
func (f *file) all() []int {
	sites := make([]int, len(f.lines))
	for i := range sites {
		sites[i] = i + 1
	}
	return sites
}

// count returns how many sites rules of a kind are for.
func (f *file) count(k kind) (n int) {
	for _, r := range f.rules.list {
		if r.kind == k {
			n += len(f.in(r, f.all()))
		}
	}
	return n
}

// check fails unless every site that did not pass has a rule, and every rule a
// reason to be there. For C Lua rules of what differs need not be.
func (f *file) check(t *testing.T, s score, ours bool) {
	t.Helper()
	if f.sha256 != f.rules.sha256 {
		t.Errorf("%s has the hash %s, its rules are for %s: look through their lines", f, f.sha256, f.rules.sha256)
	}
	explained := map[int]kind{}
	for _, r := range f.rules.list {
		sites := f.in(r, f.all())
		for _, site := range sites {
			explained[site] = r.kind
		}
		if r.reason == "" {
			t.Errorf("%s:%d: the rule has no reason", f, r.first)
		}
		if r.kind != leftOut && len(sites) == 0 {
			t.Errorf("%s:%d: there is no assertion in these lines", f, r.first)
		}
	}
	for _, site := range f.all() {
		k, ok := explained[site]
		reached, failed := slices.Contains(s.reached, site), slices.Contains(s.failed, site)
		at := fmt.Sprintf("%s:%d: assertion %d", f, f.lines[site-1], site)
		switch {
		case !ok && failed:
			t.Errorf("%s fails", at)
		case !ok && !reached:
			t.Errorf("%s is not reached", at)
		case ok && k != differs && reached:
			t.Errorf("%s is reached, and the rules say that it is %v", at, k)
		case ok && k == differs && !failed && ours:
			t.Errorf("%s does not fail, and the rules say that it %v", at, k)
		}
	}
	if s.ended != toTheEnd {
		t.Errorf("%s %s", f, s.ended)
	}
}

// TestScoreboard runs all the files and compares with what is recorded.
func TestScoreboard(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	all := files(t)
	ours, theirs := make([]score, len(all)), make([]score, len(all))
	t.Run("run", func(t *testing.T) {
		for i, f := range all {
			t.Run(f.String(), func(t *testing.T) {
				ours[i] = runOurs(t, f)
				f.check(t, ours[i], true)
			})
			t.Run(f.String()+" on gopher-lua", func(t *testing.T) {
				t.Parallel()
				theirs[i] = runStock(t, f)
			})
		}
	})
	got := board(all, ours, theirs)
	if *update {
		if err := os.WriteFile("SCOREBOARD.md", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("SCOREBOARD.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("the figures are no longer those of SCOREBOARD.md (-recorded +got); if that is right: go generate ./fuzz/conformance\n%s", diff)
	}
}

// TestControl runs C Lua's own files with C Lua, under the same rules: there, too,
// what is run must pass. Else the rules or the harness would be wrong.
func TestControl(t *testing.T) {
	if _, err := exec.LookPath("lua5.1"); err != nil {
		t.Skip("lua5.1 is not installed: the harness is not checked with it")
	}
	for _, f := range files(t) {
		if f.suite != suites[0] {
			continue // gopher-lua's files ask for what C Lua has not
		}
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			f.check(t, runC(t, f), false)
		})
	}
}

// board returns the text of SCOREBOARD.md.
func board(all []*file, ours, theirs []score) string {
	var b strings.Builder
	b.WriteString(`# Scoreboard

<!-- Written by go generate ./fuzz/conformance. Do not edit. -->

What the test files that come with the gopher-lua module do in a sandbox.
"Assertions" are the calls of assert in a file's text; of these, "passed" were
reached and held each time; "differ" were reached and failed, on purpose; "left out"
are in lines taken away because they need what a sandbox has not; "not reached" are
where the file itself does not go. "Checks" counts every call of assert while the
file ran, in texts that it loads as well. "Stock" is how many of the assertions that
are run pass on gopher-lua as it is, with the same lines left out, and where it ends.

| file | assertions | passed | differ | left out | not reached | checks | stock | stock ends |
|---|--:|--:|--:|--:|--:|--:|--:|---|
`)
	var sum [6]int
	for i, f := range all {
		passed := len(ours[i].reached) - len(ours[i].failed)
		stockPassed := len(theirs[i].reached) - len(theirs[i].failed)
		numbers := [...]int{len(f.lines), passed, len(ours[i].failed), f.count(leftOut), f.count(unreached), stockPassed}
		for j, n := range numbers {
			sum[j] += n
		}
		end := theirs[i].ended
		if ours[i].ended != toTheEnd {
			end += "; ours " + ours[i].ended
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %s |\n", f, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], ours[i].checks, stockPassed, end)
	}
	fmt.Fprintf(&b, "| **all** | %d | %d | %d | %d | %d | | %d | |\n", sum[0], sum[1], sum[2], sum[3], sum[4], sum[5])
	b.WriteString(`
## What is not run, and what differs

| file | lines | what | assertions | why |
|---|---|---|--:|---|
`)
	for _, f := range all {
		for _, r := range f.rules.list {
			lines := fmt.Sprint(r.first)
			if r.last > r.first {
				lines += fmt.Sprint("-", r.last)
			}
			what := r.kind.String()
			if r.instead != "" {
				what = "replaced"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %d | %s |\n", f, lines, what, len(f.in(r, f.all())), r.reason)
		}
	}
	reasons := map[string]int{}
	for _, f := range all {
		for _, r := range f.rules.list {
			reasons[r.reason] += len(f.in(r, f.all()))
		}
	}
	var order []string
	for r := range reasons {
		order = append(order, r)
	}
	slices.SortFunc(order, func(x, y string) int {
		return cmp.Or(cmp.Compare(reasons[y], reasons[x]), cmp.Compare(x, y))
	})
	b.WriteString("\n## Reasons, by assertions\n\n")
	for _, r := range order {
		fmt.Fprintf(&b, "- %d: %s\n", reasons[r], r)
	}
	return b.String()
}
