package stdlib

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// inlineChunk is one part of a file in testdata/inline: parts are separated by
// lines of "---", each runs in a sandbox of its own. A line that ends in
// "--! message" must raise an error at that line whose message contains it, one
// that ends in "--!! message" an error without a place; a part without one must
// end without an error.
type inlineChunk struct {
	text string // with as many empty lines before it as put it at its place in the file
	line int    // of the expected error, or 0
	want string // the message, with its place
}

func inlineChunks(file, text string) []inlineChunk {
	var all []inlineChunk
	start := 0
	for part := range strings.SplitSeq(text, "\n---\n") {
		c := inlineChunk{text: strings.Repeat("\n", start) + part}
		for i, line := range strings.Split(part, "\n") {
			if _, want, ok := strings.Cut(line, "--! "); ok {
				c.line, c.want = start+i+1, fmt.Sprintf("%s:%d: %s", file, start+i+1, want)
			} else if _, want, ok := strings.Cut(line, "--!! "); ok {
				c.line, c.want = start+i+1, want
			}
		}
		all = append(all, c)
		start += strings.Count(part, "\n") + 2
	}
	return all
}

func runInline(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "inline", name+".lua"))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range inlineChunks(name+".lua", string(b)) {
		t.Run(fmt.Sprintf("%s#%d", name, i+1), func(t *testing.T) {
			m := newMachine(t, limits.Limits{}, Options{})
			_, err := m.Call(context.Background(), loadText(t, m, name+".lua", c.text))
			if c.line == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *vm.Error
			if !errors.As(err, &e) {
				t.Fatalf("error is %v, want %q", err, c.want)
			}
			if !strings.HasPrefix(e.Error(), c.want) {
				t.Errorf("error is %q, want %q", e.Error(), c.want)
			}
		})
	}
}

func TestBit32(t *testing.T)           { runInline(t, "bit32") }
func TestLibraryMessages(t *testing.T) { runInline(t, "library") }
