package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadme does what README.md tells its reader to do, in an empty folder that
// has testdata: it writes each block of code with a file's name, runs each command
// of each console block, and compares what is printed, but for what is another thing
// each time: figures, times, keys and digests. Commands end with status 0, or with what
// the `echo $?` after them shows. They run one after the other in the same folder.
func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("runs commands that the scripts run too")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(root, "testdata"), filepath.Join(dir, "testdata")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MODRUNNER_HOME", "") // the installation is that of the folder
	files, commands := 0, 0
	for _, b := range codeBlocks(t, filepath.Join(root, "README.md")) {
		language, file, _ := strings.Cut(b.info, " ")
		if file != "" {
			files++
			name := filepath.Join(dir, filepath.FromSlash(file))
			if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(b.text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if language != "console" {
			continue
		}
		for _, c := range consoleCommands(t, b.text) {
			commands++
			args := words(c.line)
			if folder, ok := strings.CutPrefix(c.line, "go run ."); ok {
				args = []string{goProgram(t, root, filepath.Join(dir, folder, "main.go"))}
			}
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if status := statusOf(err); status != c.status {
				t.Errorf("$ %s\nstatus %d, want %d", c.line, status, c.status)
			}
			if diff := cmp.Diff(withoutFigures(c.output), withoutFigures(string(out))); diff != "" {
				t.Errorf("$ %s (-README +got)\n%s\nin full:\n%s", c.line, diff, out)
			}
		}
	}
	if files < 3 || commands < 3 {
		t.Errorf("the README has %d files and %d commands; is its form another one?", files, commands)
	}
}

// codeBlock is one block of code between fences.
type codeBlock struct{ info, text string }

func codeBlocks(t *testing.T, file string) []codeBlock {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []codeBlock
	parts := strings.Split("\n"+string(text), "\n```")
	for i := 1; i < len(parts); i += 2 {
		info, body, _ := strings.Cut(parts[i], "\n")
		blocks = append(blocks, codeBlock{info, body + "\n"})
	}
	return blocks
}

// consoleCommand is a command with what it prints and its status.
type consoleCommand struct {
	line, output string
	status       int
}

func consoleCommands(t *testing.T, text string) []consoleCommand {
	t.Helper()
	var all []consoleCommand
	for _, part := range strings.Split("\n"+text, "\n$ ")[1:] {
		line, output, _ := strings.Cut(strings.TrimSuffix(part, "\n"), "\n")
		if line != "echo $?" {
			all = append(all, consoleCommand{line: line, output: output})
			continue
		}
		status, err := strconv.Atoi(output)
		if err != nil || len(all) == 0 {
			t.Fatalf("echo $? shows %q", output)
		}
		all[len(all)-1].status = status
	}
	return all
}

// goProgram builds a program of a reader's module that has ours, here in ours itself.
func goProgram(t *testing.T, root, file string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", "build", "-o", program, file)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", file, err, out)
	}
	return program
}

// words are the words of a command line: between spaces, or between double quotes.
func words(line string) []string {
	var all []string
	for _, w := range quotedWords.FindAllString(line, -1) {
		all = append(all, strings.ReplaceAll(w, `"`, ""))
	}
	return all
}

var (
	quotedWords = regexp.MustCompile(`(?:[^ "]|"[^"]*")+`)

	// A public key of minisign; a digest of a bundle, or its beginning; the id of a key; a
	// SHA-256, or its beginning.
	hashes  = regexp.MustCompile(`\bRW[\w+/]{54}|\bh1:[\w+/]{16,43}=?|\b[0-9A-F]{16}\b|\b[0-9a-f]{64}\b|\b[0-9a-f]{16}\b|@[0-9a-f]{12}\b`)
	figures = regexp.MustCompile(`\d[\d,.]*`)
	spaces  = regexp.MustCompile(` +`)
)

// withoutFigures returns text with a # for each number, key and hash, one space for
// several, and no line ends around it.
func withoutFigures(text string) string {
	text = hashes.ReplaceAllString(text, "#")
	return strings.Trim(spaces.ReplaceAllString(figures.ReplaceAllString(text, "#"), " "), "\n")
}

// TestLinksInDocuments looks for every file that a document names.
func TestLinksInDocuments(t *testing.T) {
	const root = "../.."
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	documents := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && name != root):
			return fs.SkipDir
		case filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		documents++
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			to := filepath.Join(filepath.Dir(name), filepath.FromSlash(m[1]))
			if entries, err := os.ReadDir(to); err == nil && len(entries) == 0 {
				t.Errorf("%s: the folder %s is empty", name, to)
			} else if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		return nil
	})
	if err != nil || documents < 5 {
		t.Errorf("%d documents, %v", documents, err)
	}
}
