package files_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/files"
)

// game is a host with mods that have files and assets.
type game struct {
	*mods.Host
	out, log bytes.Buffer
}

func newGame(t *testing.T, o files.Options) *game {
	t.Helper()
	return newGameWith(t, files.Capability(o), files.Assets())
}

func newGameWith(t *testing.T, capabilities ...mods.Capability) *game {
	t.Helper()
	g := &game{}
	host, err := mods.Open(mods.Config{
		Capabilities: capabilities,
		Policy:       mods.PolicyAll, Output: &g.out, Logger: slog.New(slog.NewTextHandler(&g.log, nil)),
	})
	must(t, err)
	t.Cleanup(func() { host.Close() })
	g.Host = host
	return g
}

// pack makes a bundle of a mod whose main file is given.
func pack(t *testing.T, id, options, main string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml":       {Data: fmt.Appendf(nil, "[mod]\nid = %q\nversion = \"1.0.0\"\n[permissions.assets]\nreason = \"x\"\n[permissions.files]\nreason = \"x\"\n%s\n", id, options)},
		"main.lua":       {Data: []byte(main)},
		"data/names.txt": {Data: []byte("Dolly\r\nShaun\r\n")},
		"data/big":       {Data: bytes.Repeat([]byte("x"), 1<<20)},
		"data/bin":       {Data: []byte("\xff\x00")},
	}, bundle.Limits{})
	must(t, err)
	return b
}

func (g *game) load(t *testing.T, b *bundle.Bundle) {
	t.Helper()
	if _, err := g.Load(mods.Source{Bundle: b, Path: "test"}); err != nil {
		t.Fatal(err)
	}
}

// openBelow returns how many files and folders below dir this process has open.
func openBelow(t *testing.T, dir string) (n int) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(links) == 0 {
		t.Skip("this system does not tell which files are open")
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, dir) {
			n++
		}
	}
	return n
}

// until ticks until the mods have printed text that many times.
func (g *game) until(t *testing.T, text string, times int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); strings.Count(g.out.String(), text) < times; {
		must(t, g.Tick(context.Background(), 10*time.Millisecond))
		if time.Now().After(end) {
			t.Fatalf("the mods do not come to their end; they said:\n%s\nand the log:\n%s", &g.out, &g.log)
		}
		time.Sleep(time.Millisecond)
	}
}

const wanted = `
local function try(name, f, ...)
  local r = {pcall(f, ...)}
  local ok = table.remove(r, 1)
  for i = 1, #r do r[i] = tostring(r[i]) end
  print(name, ok, table.concat(r, " "))
end
`

func TestCapability(t *testing.T) {
	dir := t.TempDir()
	g := newGame(t, files.Options{Dir: dir, Limits: files.Limits{Bytes: 100 << 10, FileBytes: 80 << 10, Files: 10}})
	g.load(t, pack(t, "sheep", "quota = \"90KiB\"\nmax_files = 3", wanted+`
return { start = function()
  try("write", files.write, "saves/one.txt", "hello")
  try("append", files.append, "saves/one.txt", " world")
  try("read", files.read, "saves/one.txt")
  try("read too little", files.read, "saves/one.txt", 3)
  try("read nothing", files.read, "none")
  try("read a huge number", files.read, "saves/one.txt", 2^50)
  try("read outside", files.read, "../mod-wolf/secret")
  try("read a negative number", files.read, "saves/one.txt", -1)
  try("bytes", files.write, "bytes", "\0\255")
  try("bytes", function() return #files.read("bytes") end)
  try("large", files.write, "large", ("x"):rep(70 * 1024))
  try("read large", files.read, "large")
  try("read large", function() return #files.read("large", 80 * 1024) end)
  try("one too many", files.write, "four", "")
  try("quota", files.write, "bytes", ("x"):rep(30 * 1024))
  try("usage", files.usage)
  for _, e in ipairs(files.list()) do print("entry", e.name, e.size, e.folder) end
  for _, e in ipairs(files.list("saves")) do print("entry", e.name, e.size, e.folder) end
  try("stat", function() return files.stat("bytes").size, files.stat("none") == nil, files.exists("saves"), files.exists("none") end)
  try("rename", files.rename, "bytes", "more/bytes")
  try("rename", files.rename, "large", "more/bytes")
  try("delete", function() return files.delete("large"), files.delete("large") end)
  try("asset", function() return assets.text("data/names.txt"), #assets.read("data/names.txt"), #assets.read("data/big"), assets.exists("data"), assets.stat("none") == nil end)
  try("no asset", assets.read, "../../etc/passwd")
  try("no text", assets.text, "data/bin")
  for _, e in ipairs(assets.list()) do print("asset", e.name, e.folder) end
  print("done")
end }`))
	g.until(t, "done", 1)
	want := `write true
append true
read true hello world
read too little false files: cannot read "saves/one.txt": too big: it has 11 bytes; at most 3 are read
read nothing false files: cannot read "none": no such file
read a huge number true hello world
read outside false files: cannot read "../mod-wolf/secret": bad name: ".."; paths are clean and stay in the mod's folder
read a negative number false files.read: bad argument #2 (want the most bytes to read)
bytes true
bytes true 2
large true
read large false files: cannot read "large": too big: it has 71680 bytes; at most 65536 are read
read large true 71680
one too many false files: cannot write "four": too many files: at most 3
quota false files: cannot write "bytes": no room: 71693 of 92160 bytes are used
usage true 71693 92160 3 3
entry bytes 2 false
entry large 71680 false
entry saves 11 true
entry one.txt 11 false
stat true 2 true true false
rename true
rename false files: cannot rename to "more/bytes": exists already
delete true true false
asset true Dolly
Shaun
 14 1048576 true true
no asset false assets: cannot read "../../etc/passwd": no such file
no text false assets: cannot read the text "data/bin": not text: it is not UTF-8
asset data true
asset main.lua false
asset mod.toml false
done
`
	got := strings.NewReplacer("[sheep] ", "", "\\t", " ", "\\n", "\n").Replace(g.out.String())
	var lines []string
	for line := range strings.Lines(got) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	if diff := cmp.Diff(strings.TrimSuffix(want, "\n"), strings.Join(lines, "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s\nlog:\n%s", diff, &g.log)
	}
	wantOnDisk(t, dir, "mod-sheep/", "mod-sheep/more/", "mod-sheep/more/bytes", "mod-sheep/saves/", "mod-sheep/saves/one.txt")
}

// Two mods do the same with the same names, and do not meet.
func TestModsDoNotMeet(t *testing.T) {
	dir := t.TempDir()
	g := newGame(t, files.Options{Dir: dir})
	for _, id := range []string{"sheep", "wolf"} {
		g.load(t, pack(t, id, "", fmt.Sprintf(`return { start = function()
  assert(not files.exists("a"))
  files.write("a", %q)
  assert(files.read("a") == %q)
  print("done")
end }`, id, id)))
	}
	g.until(t, "done", 2)
	wantOnDisk(t, dir, "mod-sheep/", "mod-sheep/a", "mod-wolf/", "mod-wolf/a")
}

// What the disk says is for the host's log; the mod is told that something failed.
func TestDiskErrorsAreOpaque(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(dir, nil, 0o600)) // no folder can be made there
	g := newGame(t, files.Options{Dir: dir})
	g.load(t, pack(t, "sheep", "", wanted+`return { start = function() try("write", files.write, "a", "b") print("done") end }`))
	g.until(t, "done", 1)
	if out := g.out.String(); !strings.Contains(out, "host error") || strings.Contains(out, dir) || strings.Contains(out, "directory") {
		t.Errorf("the mod sees %q", out)
	}
	if !strings.Contains(g.log.String(), "disk failed") {
		t.Errorf("the log does not say why: %s", &g.log)
	}
}

// I/O is paid for, in operations and bytes, before it is done.
func TestFilesArePaidFor(t *testing.T) {
	dir := t.TempDir()
	c := files.Capability(files.Options{Dir: dir})
	c.IO = mods.IOLimits{Ops: 3, Bytes: 1000}
	g := newGameWith(t, c, files.Assets())
	g.load(t, pack(t, "sheep", "", `
return { start = function()
  print(pcall(files.write, "a", ("x"):rep(1001)))
  print(pcall(files.read, "none"))
  print(pcall(files.write, "a", ("x"):rep(900)))
  print(pcall(files.read, "a", 101))
  print(pcall(files.write, "b", ("x"):rep(100)))
  print(pcall(files.exists, "b"))
  print(pcall(files.exists, "b"))
  print("done")
end }`))
	g.until(t, "done", 1)
	want := `false files: all 1000 are used up
false files: all 1000 are used up
true
false files: all 1000 are used up
true
true true
false files: all 3 operations are used up
done
`
	if diff := cmp.Diff(want, strings.NewReplacer("[sheep] ", "", `\t`, " ").Replace(g.out.String())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantOnDisk(t, dir, "mod-sheep/", "mod-sheep/a", "mod-sheep/b")
}

// Assets are paid for too: as I/O, and as the memory of the copies on the way.
func TestAssetsArePaidFor(t *testing.T) {
	c := files.Assets()
	c.IO = mods.IOLimits{Bytes: 16<<20 + 10, BytesPerTick: 1 << 30}
	g := newGameWith(t, files.Capability(files.Options{Dir: t.TempDir()}), c)
	g.load(t, pack(t, "sheep", "", `
return { start = function()
  local n = 0
  for i = 1, 16 do n = n + #assets.read("data/big") end
  print(n, pcall(assets.read, "data/names.txt"))
  print("done")
end }`))
	g.until(t, "done", 1)
	want := `[sheep] 16777216\tfalse\tassets: all 16777226 are used up`
	if out := g.out.String(); !strings.Contains(out, want) {
		t.Errorf("%q, want %q", out, want)
	}
	if r := g.Mod("sheep").Report(); r.AllocatedBytes < 3*16<<20 {
		t.Errorf("%d bytes were charged for 16 MiB in three copies", r.AllocatedBytes)
	}
}

// When the host is closed, and when a mod is unloaded, its folder is.
func TestFoldersAreClosed(t *testing.T) {
	dir := t.TempDir()
	g := newGame(t, files.Options{Dir: dir})
	for _, id := range []string{"sheep", "wolf"} {
		g.load(t, pack(t, id, "", `return { start = function() files.write("a", "") print("done") end, tick = function() print("tick") end }`))
	}
	g.until(t, "done", 2)
	if n := openBelow(t, dir); n != 2 {
		t.Fatalf("%d folders are open, want 2: the test proves nothing", n)
	}
	must(t, g.Unload("wolf"))
	g.until(t, "tick", strings.Count(g.out.String(), "tick")+3)
	if n := openBelow(t, dir); n != 1 {
		t.Errorf("%d folders are open after an unload, want 1", n)
	}
	must(t, g.Close())
	if n := openBelow(t, dir); n != 0 {
		t.Errorf("%d folders are open after the end", n)
	}
}

// During a reload there are two grants of one folder; it stays open as long as one
// of them is held.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	g := newGame(t, files.Options{Dir: dir})
	g.load(t, pack(t, "sheep", "", `return { start = function() files.write("old", "1") print("started") end, tick = function() files.append("log", "x") end }`))
	g.until(t, "started", 1)
	if _, err := g.Reload("sheep", mods.Source{Bundle: pack(t, "sheep", "quota = 20", `
return { start = function() assert(files.read("old", 9) == "1") files.write("new", "2") print("new started") end,
  tick = function() print("quota", select(2, files.usage()), pcall(files.write, "old", ("x"):rep(21))) end }`), Path: "test"}); err != nil {
		t.Fatal(err)
	}
	g.until(t, "new started", 1)
	g.until(t, "quota", 2)
	if out := g.out.String(); !strings.Contains(out, `quota\t20\tfalse`) && !strings.Contains(out, "quota\t20\tfalse") {
		t.Error(out)
	}
	must(t, g.Close())
}

func TestWrongOptions(t *testing.T) {
	for name, o := range map[string]files.Options{"no folder": {}, "negative": {Dir: "x", Limits: files.Limits{Files: -1}}} {
		host, err := mods.Open(mods.Config{Capabilities: []mods.Capability{files.Capability(o)}})
		if err == nil {
			host.Close()
			t.Errorf("%s: no error", name)
		}
	}
}
