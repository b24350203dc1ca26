package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// prelude runs before a file. A call of assert in the file is a call of __check,
// which notes that the site was reached and whether what it was given held, and
// goes on in either case. Calls of assert in texts that the file loads are counted
// as well, and raise the error that they should.
const prelude = `
local print, assert, select = print, assert, select
local seen, failed, checks = {}, {}, 0
function __check(site, ...)
  checks = checks + 1
  if not seen[site] then
    seen[site] = true
    print("@reached " .. site)
  end
  if not (...) and not failed[site] then
    failed[site] = true
    print("@failed " .. site)
  end
  return ...
end
_G.assert = function(...)
  checks = checks + 1
  return assert(...)
end
function __report() print("@checks " .. checks) end
`

// report is the text that runs after a file.
const report = "__report()"

// score is what running one file came to.
type score struct {
	reached, failed []int // sites, in order
	checks          int   // calls, of all sites and of assert in loaded texts
	ended           string
}

// toTheEnd is how a file ends that nothing stops.
const toTheEnd = "end"

// read takes what the prelude printed out of a run's output.
func (s *score) read(output string) {
	for line := range strings.Lines(output) {
		what, n, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		site, err := strconv.Atoi(n)
		if err != nil {
			continue
		}
		switch what {
		case "@reached":
			s.reached = append(s.reached, site)
		case "@failed":
			s.failed = append(s.failed, site)
		case "@checks":
			s.checks = site
		}
	}
	slices.Sort(s.reached)
	slices.Sort(s.failed)
}

// generous are limits that none of the files meets.
var generous = limits.Limits{
	Instructions: 2_000_000_000, Memory: 512 << 20, Output: limits.Unlimited, Time: limits.UnlimitedTime,
	String: 64 << 20, Source: 16 << 20,
}

// runOurs runs a file in a sandbox whose modules are the other files of its folder.
func runOurs(t *testing.T, f *file) (s score) {
	t.Helper()
	var out bytes.Buffer
	sandbox, err := luasandbox.New(luasandbox.Config{
		Limits: generous, Output: &out, Seed: 1,
		Modules: func(name string) (chunk, source string, ok bool) {
			text, err := os.ReadFile(filepath.Join(f.dir, name+".lua"))
			return name + ".lua", string(text), err == nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sandbox.Close()
	load := func(name, text string) error {
		p, err := luasandbox.Compile(name, text, generous)
		if err != nil {
			return err
		}
		results, err := sandbox.Load(context.Background(), p)
		for _, r := range results {
			if fn, ok := r.(*luasandbox.Function); ok {
				fn.Release()
			}
		}
		return err
	}
	if err := load("prelude", prelude); err != nil {
		t.Fatal(err)
	}
	s.ended = toTheEnd
	err = load(f.name, f.text)
	var script *luasandbox.ScriptError
	var result *luasandbox.ResultError
	switch {
	case err == nil || errors.As(err, &result): // what a file returns need not cross the border
	case errors.As(err, &script):
		s.ended = stopped(script.Message)
		if testing.Verbose() {
			t.Logf("%s: %s\n%s", f.name, script.Message, script.Traceback)
		}
	default:
		s.ended = fmt.Sprintf("stops: %v", err)
	}
	if err := load("report", report); err != nil {
		t.Fatal(err)
	}
	s.read(out.String())
	return s
}

var place = regexp.MustCompile(`^[\w/.]*\.lua:\d+`)

// stopped tells where an error ended a file, without quoting it.
func stopped(message string) string {
	if at := place.FindString(message); at != "" {
		return "stops at " + filepath.Base(at)
	}
	return "stops"
}

// runChild runs a command that executes a file with the prelude before it.
func runChild(cmd *exec.Cmd) (s score, stderr string) {
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	s.ended = toTheEnd
	if err := cmd.Run(); err != nil {
		s.ended = "kills the process"
		if strings.Contains(errors.String(), stoppedMark) {
			_, message, _ := strings.Cut(errors.String(), stoppedMark)
			s.ended = stopped(message)
		}
	}
	s.read(out.String())
	return s, errors.String()
}

// stoppedMark stands before the message of an error that ended a file in a child.
const stoppedMark = "@stopped "

// inScratch writes a file's text into a folder of its own.
func inScratch(t *testing.T, f *file) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{f.name: f.text, "prelude.lua": prelude} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// runC runs a file with C Lua 5.1.
func runC(t *testing.T, f *file) score {
	t.Helper()
	driver := fmt.Sprintf(`dofile "prelude.lua" local ok, message = xpcall(assert(loadfile %q), function(e) return tostring(e) end)
		if not ok then io.stderr:write("%s", message) os.exit(1) end %s`, f.name, stoppedMark, report)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "lua5.1", "-e", driver)
	cmd.Dir = inScratch(t, f)
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "LUA_PATH=" + filepath.Join(f.dir, "?.lua")}
	s, stderr := runChild(cmd)
	if s.ended != toTheEnd {
		t.Logf("%s: %s", f.name, stderr)
	}
	return s
}

// stockVariable names, for a child of this test, the file to run with gopher-lua.
const stockVariable = "CONFORMANCE_STOCK_FILE"

// runStock runs a file with gopher-lua as it is, in a child: what it cannot survive
// it need not. GOMEMLIMIT is no limit, but keeps garbage from counting as need.
func runStock(t *testing.T, f *file) score {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Dir = inScratch(t, f)
	cmd.Env = append(os.Environ(), stockVariable+"="+f.name, "LUA_PATH="+filepath.Join(f.dir, "?.lua"), "GOMEMLIMIT=256MiB", "TZ=UTC")
	s, stderr := runChild(cmd)
	if s.ended != toTheEnd {
		t.Logf("%s: %.300s", f.name, stderr)
	}
	return s
}

func TestMain(m *testing.M) {
	if name := os.Getenv(stockVariable); name != "" {
		stock(name)
		return
	}
	os.Exit(m.Run())
}

// stock is the child's part of runStock.
func stock(name string) {
	state := lua.NewState()
	fatal := func(err error) {
		if err != nil {
			var api *lua.ApiError
			if errors.As(err, &api) {
				fmt.Fprintf(os.Stderr, "%s%s", stoppedMark, api.Object.String())
			} else {
				fmt.Fprintln(os.Stderr, err)
			}
			os.Exit(1)
		}
	}
	fatal(state.DoFile("prelude.lua"))
	fatal(state.DoFile(name))
	fatal(state.DoString(report))
}
