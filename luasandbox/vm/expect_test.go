package vm_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// Files in testdata/expect say in themselves what they do, where C Lua cannot be
// asked: what the machine has beyond Lua 5.1, and what it does differently. A file
// is cut at lines "---" into chunks; each runs on a machine of its own.
//
//	--> text   a line that the chunk prints; they come in the file's order
//	--! text   an error at this line whose message contains the text ends the chunk
//	--!! text  the same, of a message without a place
//	--# kind   this limit ends the chunk (limits.Kind's names)
//
// A chunk whose first line is "-- limits: kind=n ..." has these limits.
type expectation struct {
	name   string
	text   string // with as many empty lines before it as put it at its place in the file
	limits limits.Limits
	output []string
	fails  string // what the error's message begins with: "file:line: " or nothing
	says   string // and contains
	kind   limits.Kind
	ends   bool // with an error or a limit
}

func expectations(t testing.TB, file, text string) (all []expectation) {
	t.Helper()
	line := 1
	for i, chunk := range strings.Split(text, "\n---\n") {
		x := expectation{name: fmt.Sprintf("%s#%d", file, i+1), limits: generous}
		x.text = strings.Repeat("\n", line-1) + chunk
		for j, l := range strings.Split(chunk, "\n") {
			if list, ok := strings.CutPrefix(l, "-- limits: "); ok && j == 0 {
				for _, one := range strings.Fields(list) {
					name, n, _ := strings.Cut(one, "=")
					kind, err := limits.ParseKind(name)
					if err != nil {
						t.Fatal(err)
					}
					v, err := strconv.ParseInt(n, 10, 64)
					if err != nil {
						t.Fatal(err)
					}
					x.limits = x.limits.With(kind, v)
				}
			}
			if _, want, ok := strings.Cut(l, "--> "); ok {
				x.output = append(x.output, want)
			} else if _, want, ok := strings.Cut(l, "--! "); ok {
				x.fails, x.says, x.ends = fmt.Sprintf("%s:%d: ", file, line+j), want, true
			} else if _, want, ok := strings.Cut(l, "--!! "); ok {
				x.says, x.ends = want, true
			} else if _, want, ok := strings.Cut(l, "--# "); ok {
				kind, err := limits.ParseKind(want)
				if err != nil {
					t.Fatal(err)
				}
				x.kind, x.ends = kind, true
			}
		}
		line += strings.Count(chunk, "\n") + 2
		all = append(all, x)
	}
	return all
}

func (x expectation) check(t *testing.T, r result) {
	t.Helper()
	got := strings.Split(strings.TrimSuffix(r.output, "\n"), "\n")
	if r.output == "" {
		got = nil
	}
	if diff := cmp.Diff(x.output, got); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	var limit *limits.Error
	var lua *vm.Error
	var syntax *vm.SyntaxError
	switch {
	case !x.ends:
		if r.err != nil {
			t.Errorf("error %v", r.err)
		}
	case x.kind.Valid():
		if !errors.As(r.err, &limit) || limit.Kind != x.kind || errors.As(r.err, &lua) {
			t.Errorf("error %v, want the limit of %v", r.err, x.kind)
		}
	case errors.As(r.err, &lua) || errors.As(r.err, &syntax):
		if msg := r.err.Error(); !strings.HasPrefix(msg, x.fails) || !strings.Contains(msg, x.says) {
			t.Errorf("error %q, want one at %q that says %q", msg, x.fails, x.says)
		}
	default:
		t.Errorf("error %v, want one at %q that says %q", r.err, x.fails, x.says)
	}
}

func TestExpectations(t *testing.T) {
	for _, file := range scripts(t, "testdata/expect") {
		for _, x := range expectations(t, file, readFile(t, "testdata/expect", file)) {
			t.Run(x.name, func(t *testing.T) {
				if p, err := vm.Compile(file, x.text, x.limits); p == nil {
					x.check(t, result{err: err})
					return
				}
				whole := runFile(t, file, x.text, x.limits, limits.Unlimited)
				x.check(t, whole)
				for _, fuel := range fuels {
					if whole.instructions/fuel > 300_000 {
						continue
					}
					if diff := sameRun(whole, runFile(t, file, x.text, x.limits, fuel)); diff != "" {
						t.Errorf("in slices of %d (-whole +sliced):\n%s", fuel, diff)
					}
				}
			})
		}
	}
}
