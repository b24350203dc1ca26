package conformance

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// libraryVariable lists folders that modules are found in, as /usr/share/lua/5.1
// is one. Without it nothing here runs: see LIBRARIES.md.
const libraryVariable = "CONFORMANCE_LIBRARIES"

// libraryDirs returns these folders, or skips the test.
func libraryDirs(t *testing.T) []string {
	t.Helper()
	dirs := filepath.SplitList(os.Getenv(libraryVariable))
	if len(dirs) == 0 {
		t.Skip(libraryVariable + " is not set; LIBRARIES.md says how to run this")
	}
	if _, err := exec.LookPath("lua5.1"); err != nil {
		t.Fatal("lua5.1 is not installed: nothing to compare with")
	}
	return dirs
}

// find returns the file of a module in one of the folders.
func find(dirs []string, module string) (file string, ok bool) {
	for _, dir := range dirs {
		for _, tail := range []string{".lua", "/init.lua"} {
			file := filepath.Join(dir, filepath.FromSlash(strings.ReplaceAll(module, ".", "/"))+tail)
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				return file, true
			}
		}
	}
	return "", false
}

// compiler prints, for each file named on a line of its input, whether it compiles.
const compiler = `for name in io.lines() do
  local f, message = loadfile(name)
  io.write(name, "\t", f and "yes" or "no: " .. message:gsub("\n", " "), "\n")
end`

// TestSources compiles every Lua file (*.lua, and Amass's *.ads) in the folders, here and with C Lua: what one
// takes the other must take. Files with goto, which C Lua has not, may be taken.
func TestSources(t *testing.T) {
	var names []string
	for _, dir := range libraryDirs(t) {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && (strings.HasSuffix(name, ".lua") || strings.HasSuffix(name, ".ads")) {
				names = append(names, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("lua5.1", "-e", compiler)
	cmd.Stdin = strings.NewReader(strings.Join(names, "\n") + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	verdicts := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(verdicts) != len(names) {
		t.Fatalf("C Lua answers for %d files of %d", len(verdicts), len(names))
	}
	good, stock := 0, 0
	for i, name := range names {
		_, verdict, _ := strings.Cut(verdicts[i], "\t")
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`\A#[^\n]*`).ReplaceAllString(string(b), "") // as loadfile does
		if verdict == "yes" {
			good++
			if chunk, err := parse.Parse(strings.NewReader(text), name); err == nil {
				if _, err := lua.Compile(chunk, name); err == nil {
					stock++
				}
			}
		}
		if _, err := luasandbox.Compile(filepath.Base(name), text, generous); (err == nil) != (verdict == "yes") && !(err == nil && strings.Contains(text, "goto ")) {
			t.Errorf("%s: C Lua says %s; here: %v", name, verdict, err)
		}
	}
	t.Logf("%d files, of which %d are Lua 5.1; gopher-lua compiles %d of these", len(names), good, stock)
}

// scripts are programs of ours that use one library each, named after its module;
// what they print must be the same here and in C Lua.
const scripts = "testdata/libraries"

// TestLibraries runs the scripts of those libraries that are in the folders.
func TestLibraries(t *testing.T) {
	dirs := libraryDirs(t)
	files, err := filepath.Glob(filepath.Join(scripts, "*.lua"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in %s (%v)", scripts, err)
	}
	var path []string
	for _, dir := range dirs {
		path = append(path, filepath.Join(dir, "?.lua"), filepath.Join(dir, "?", "init.lua"))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".lua")
		t.Run(name, func(t *testing.T) {
			if _, ok := find(dirs, name); !ok {
				t.Skip("the library is not in the folders")
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("lua5.1", filepath.Base(file))
			cmd.Dir = scripts
			cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "LUA_PATH=" + strings.Join(path, ";")}
			var want, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &want, &stderr
			if err := cmd.Run(); err != nil {
				t.Fatalf("C Lua: %v\n%s%s", err, want.String(), stderr.String())
			}
			got := inSandbox(t, dirs, filepath.Base(file), string(text))
			if diff := gocmp.Diff(strings.Split(want.String(), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("-lua5.1 +ours:\n%s", diff)
			}
			if lines := strings.Count(want.String(), "\n"); lines < 5 {
				t.Errorf("the script prints only %d lines", lines)
			}
		})
	}
}

// inSandbox returns what a script prints whose modules are files in the folders.
func inSandbox(t *testing.T, dirs []string, name, text string) string {
	t.Helper()
	var out bytes.Buffer
	s, err := luasandbox.New(luasandbox.Config{
		Limits: limits.Limits{Instructions: 500_000_000, Memory: 512 << 20, Output: limits.Unlimited, Time: limits.UnlimitedTime, HostCalls: limits.Unlimited},
		Output: &out,
		Modules: func(module string) (chunk, source string, ok bool) {
			file, ok := find(dirs, module)
			if !ok {
				return "", "", false
			}
			b, err := os.ReadFile(file)
			return file, string(b), err == nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	host, err := os.ReadFile(filepath.Join("testdata", "host.lua"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct{ name, text string }{{"host.lua", string(host)}, {name, text}} {
		p, err := luasandbox.Compile(part.name, part.text, limits.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Load(context.Background(), p)
		var script *luasandbox.ScriptError
		if errors.As(err, &script) {
			t.Errorf("%s\n%s", script.Message, script.Traceback)
		} else if err != nil {
			t.Error(err)
		}
	}
	return out.String()
}

// TestLibraryPage holds that LIBRARIES.md names every script.
func TestLibraryPage(t *testing.T) {
	page, err := os.ReadFile("LIBRARIES.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(scripts, "*.lua"))
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, file := range files {
		have = append(have, strings.TrimSuffix(filepath.Base(file), ".lua"))
	}
	var named []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		named = append(named, m[1])
	}
	slices.Sort(named)
	if diff := gocmp.Diff(have, named); diff != "" {
		t.Errorf("LIBRARIES.md (-scripts +page):\n%s", diff)
	}
	if len(have) == 0 {
		t.Errorf("no scripts in %s", scripts)
	}
}
