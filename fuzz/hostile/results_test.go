package hostile

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the page of results anew")

// page is the table of what came of each script, here and on stock gopher-lua.
var page = filepath.Join(corpus, "RESULTS.md")

const pageHead = `# What came of the hostile scripts

Made by ` + "`go generate ./fuzz/hostile`" + `; [how](../../fuzz/hostile/doc.go). Each script is a mod that attacks the program it runs in. "Here" is how it ends in a sandbox and, but for those that need a game's objects, under ` + "`modrunner exec`" + `: *ends* where it finds nothing to break, *error* where it is told so in a way that it may catch, *limit* where a budget ended it. The tests compare that, and what it printed, on each run.

"Stock" is the same script on gopher-lua 1.1.2 as a careful host would run it: without the libraries that reach files and processes (those that are marked † have them), with two seconds of a processor by a context, in a process that may have 2 GiB. The objects of a game are there by way of gopher-luar 1.0.11. A process that did not end in ten seconds of a processor, or that waited for a minute, is called *hung*.
`

// render returns the page for the corpus.
func render(all []*script, stock map[string]string) string {
	var b strings.Builder
	b.WriteString(pageHead)
	count := map[string]int{}
	var order []string
	for _, s := range all {
		kind, _, _ := strings.Cut(stock[s.id()], ":")
		kind, _, _ = strings.Cut(kind, ",")
		if count[kind] == 0 {
			order = append(order, kind)
		}
		count[kind]++
	}
	fmt.Fprintf(&b, "\n%d scripts. On stock gopher-lua:", len(all))
	for _, kind := range []string{"**killed**", "**hung**", "**escaped**", "**leaked**"} {
		fmt.Fprintf(&b, " %d %s,", count[kind], strings.Trim(kind, "*"))
	}
	rest := len(all)
	for _, kind := range order {
		if strings.HasPrefix(kind, "**") {
			rest -= count[kind]
		}
	}
	fmt.Fprintf(&b, " %d none of these. Here: none killed, none hung, none escaped, none leaked.\n", rest)
	class := ""
	for _, s := range all {
		if s.class != class {
			class = s.class
			fmt.Fprintf(&b, "\n## %s\n\n| script | what it tries | here | stock |\n|---|---|---|---|\n", strings.ReplaceAll(class, "-", " "))
		}
		mark := ""
		if s.full {
			mark = " †"
		}
		fmt.Fprintf(&b, "| [%s](%s.lua)%s | %s | %s | %s |\n", s.name, s.id(), mark, s.about, s.verdict(), stock[s.id()])
	}
	return b.String()
}

// readPage returns the recorded verdicts of the control.
func readPage(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	stock := map[string]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 4 || !strings.HasPrefix(cells[0], "| [") {
			continue
		}
		_, link, _ := strings.Cut(cells[0], "](")
		id, _, _ := strings.Cut(link, ".lua)")
		stock[id] = strings.TrimSuffix(cells[3], " |")
	}
	return stock
}

// controls are the verdicts that this run of the tests found.
var controls struct {
	sync.Mutex
	verdicts map[string]string
}

func recordControl(id, verdict string) {
	controls.Lock()
	defer controls.Unlock()
	if controls.verdicts == nil {
		controls.verdicts = map[string]string{}
	}
	controls.verdicts[id] = verdict
}

// writePage writes the page with what was recorded before and found now.
func writePage(t testing.TB, all []*script) {
	t.Helper()
	stock := readPage(t)
	for id, verdict := range controls.verdicts {
		stock[id] = verdict
	}
	if err := os.WriteFile(page, []byte(render(all, stock)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestResults: the page has a row for each script, with how it has to end (which
// TestSandbox compares with how it does) and with the control's recording. With
// -update it is written anew, and scripts without a recording are run on stock.
func TestResults(t *testing.T) {
	all := scripts(t)
	if *update {
		recorded := readPage(t)
		t.Run("control", func(t *testing.T) {
			for _, s := range all {
				if recorded[s.id()] == "" && canLimitData {
					t.Run(s.id(), func(t *testing.T) {
						t.Parallel()
						recordControl(s.id(), onStock(t, s).Verdict)
					})
				}
			}
		})
		writePage(t, all)
	}
	stock := readPage(t)
	for _, s := range all {
		if stock[s.id()] == "" {
			t.Errorf("%s has no recording of the control", s.id())
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(render(all, stock), "\n"), strings.Split(string(text), "\n")); diff != "" {
		t.Errorf("%s is not what go generate ./fuzz/hostile makes (-made +there):\n%s", page, diff)
	}
}
