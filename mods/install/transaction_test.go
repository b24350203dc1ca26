package install

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/lockfile"
)

const killEnv = "INSTALL_TEST_KILL"

// TestMain is also the main function of the children that tests start, and kill.
func TestMain(m *testing.M) {
	what, rest, _ := strings.Cut(os.Getenv(killEnv), " ")
	switch what {
	case "":
		code := m.Run()
		if sceneBefore.dir != "" {
			_ = os.RemoveAll(sceneBefore.dir)
		}
		os.Exit(code)
	case "step":
		n, dir, _ := strings.Cut(rest, " ")
		at, _ := strconv.Atoi(n)
		childChanges(dir, at)
	case "endless":
		childChangesEndlessly(rest)
	}
	os.Exit(3)
}

// testArchive returns a packed mod whose code says text, and its digest.
func testArchive(t testing.TB, id, version, text, more string) (digest string, archive []byte) {
	t.Helper()
	files := map[string]string{
		"mod.toml": fmt.Sprintf("[mod]\nid = %q\nversion = %q\n%s", id, version, more),
		"main.lua": text,
	}
	return zipped(t, files)
}

func zipped(t testing.TB, files map[string]string) (digest string, archive []byte) {
	t.Helper()
	var loose bytes.Buffer
	w := zip.NewWriter(&loose)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := bundle.OpenZip(bytes.NewReader(loose.Bytes()), int64(loose.Len()), bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = bundle.Pack(b); err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	if err := b.WriteZip(&packed); err != nil {
		t.Fatal(err)
	}
	return b.Digest(), packed.Bytes()
}

// lockOf is a mods.lock with one mod.
func lockOf(t testing.TB, id string) string {
	t.Helper()
	text, err := encodeLock([]lockfile.Mod{{ID: id, Version: "1.0.0", Digest: "h1:" + strings.Repeat("A", 43) + "="}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func noStep(string) error { return nil }

func testFolder(t testing.TB, dir string, step func(string) error) *folder {
	t.Helper()
	f, err := openFolder(dir, true, step)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f
}

// change is a change of the state for tests of the machinery alone: what is in the
// files does not matter to it.
func testChange(sequence uint64, files map[string]string, remove ...string) *journal {
	j := &journal{Format: journalFormat, Sequence: sequence, Remove: remove,
		Records: []record{
			{Kind: "install", Mod: "one", At: time.Unix(int64(sequence), 0).UTC(), Attrs: [][2]string{{"by", "test"}}},
			{Kind: "approve", Mod: "one", At: time.Unix(int64(sequence), 0).UTC()},
		}}
	files = maps.Clone(files)
	files[approvalsName] = fmt.Sprintf(`{"format":1,"sequence":%d,"history":[],"waiting":[]}`, sequence)
	for _, name := range stateFiles {
		if text, there := files[name]; there {
			sum := sha256.Sum256([]byte(text))
			j.Files = append(j.Files, journalFile{name, hex.EncodeToString(sum[:]), text})
		}
	}
	return j
}

func mustCommit(t testing.TB, f *folder, j *journal, archives map[string][]byte) {
	t.Helper()
	held, err := f.lock(context.Background(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.commit(j, archives); err != nil {
		t.Fatal(err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
}

// seen is all that a reader sees of a home.
type seen struct {
	Sequence uint64
	Texts    map[string]string
	Bundles  map[string]string // by digest: the hash of the archive, or what is wrong
}

// look reads a home as a reader does, who has no lock.
func look(t testing.TB, f *folder, digests ...string) seen {
	t.Helper()
	s, err := f.readState(context.Background())
	if err != nil {
		t.Fatalf("a reader: %v", err)
	}
	out := seen{Sequence: s.sequence, Texts: map[string]string{}, Bundles: map[string]string{}}
	out.Texts[modsLockName], out.Texts[freezesName] = string(s.lockText()), string(s.freezes)
	for _, digest := range digests {
		data, _, err := s.archive(digest)
		sum := sha256.Sum256(data)
		out.Bundles[digest] = hex.EncodeToString(sum[:4])
		if errors.Is(err, fs.ErrNotExist) {
			out.Bundles[digest] = "none"
		} else if err != nil {
			out.Bundles[digest] = err.Error()
		}
	}
	return out
}

// plainFiles reads the files of a home as any other program does.
func plainFiles(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*", ".*", "bundles/*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			info, err := os.Lstat(name)
			if err != nil || info.IsDir() || strings.Contains(name, auditName) {
				continue
			}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(data)
			short, _ := filepath.Rel(dir, name)
			all[filepath.ToSlash(short)] = hex.EncodeToString(sum[:4])
		}
	}
	return all
}

// scene is a home before a change, and the change: a bundle comes, one comes in the
// place of one with the same digest, one goes, and two files change.
type scene struct {
	dir      string
	journal  *journal
	archives map[string][]byte
	digests  []string
}

func newScene(t testing.TB) scene {
	t.Helper()
	sceneOnce.Do(func() { makeScene(t) })
	dir := filepath.Join(t.TempDir(), "home")
	if err := os.CopyFS(dir, os.DirFS(sceneBefore.dir)); err != nil {
		t.Fatal(err)
	}
	s := sceneBefore
	s.dir = dir
	return s
}

// sceneBefore is made once: it takes longer than the change.
var (
	sceneOnce   sync.Once
	sceneBefore scene
)

func makeScene(t testing.TB) {
	dir, err := os.MkdirTemp("", "scene")
	if err != nil {
		t.Fatal(err)
	}
	kept, keptArchive := testArchive(t, "kept", "1.0.0", "return 1", "")
	gone, goneArchive := testArchive(t, "gone", "1.0.0", "return 2", "")
	comes, comesArchive := testArchive(t, "comes", "1.0.0", "return 3", "")
	// The same mod, packed otherwise: as when a signature is added.
	b, err := bundle.OpenZip(bytes.NewReader(keptArchive), int64(len(keptArchive)), bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = b.WithAttachments(map[string][]byte{bundle.ContentsName: nil}); err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := b.WriteZip(&again); err != nil {
		t.Fatal(err)
	}
	if b.Digest() != kept || bytes.Equal(again.Bytes(), keptArchive) {
		t.Fatal("the scene needs another archive of the same digest")
	}
	f := testFolder(t, dir, noStep)
	mustCommit(t, f, testChange(1, map[string]string{modsLockName: lockOf(t, "old"), freezesName: "old freezes"}),
		map[string][]byte{kept: keptArchive, gone: goneArchive})
	sceneBefore = scene{
		dir:      dir,
		journal:  testChange(2, map[string]string{modsLockName: lockOf(t, "new")}, gone),
		archives: map[string][]byte{kept: again.Bytes(), comes: comesArchive},
		digests:  []string{kept, gone, comes},
	}
}

// attempt makes the change, with something happening at a step.
func (s scene) attempt(t testing.TB, step func(string) error) (err error) {
	f := testFolder(t, s.dir, step)
	held, err := f.lock(context.Background(), time.Second)
	if err != nil {
		return err
	}
	defer held.Close()
	j := *s.journal
	return f.commit(&j, s.archives)
}

// oldAndNew returns what is seen before the change, and after it.
func oldAndNew(t *testing.T) (before, after seen, files [2]map[string]string, steps []string) {
	s := newScene(t)
	before = look(t, testFolder(t, s.dir, noStep), s.digests...)
	files[0] = plainFiles(t, s.dir)
	if err := s.attempt(t, func(name string) error { steps = append(steps, name); return nil }); err != nil {
		t.Fatal(err)
	}
	after = look(t, testFolder(t, s.dir, noStep), s.digests...)
	files[1] = plainFiles(t, s.dir)
	if cmp.Equal(before, after) || len(steps) < 20 {
		t.Fatalf("the change changes nothing, or has only %d steps", len(steps))
	}
	return before, after, files, steps
}

var errBroken = errors.New("no space left on device")

// TestCrashAtEachStep lets a change fail, and end as in a crash, at each of its steps.
func TestCrashAtEachStep(t *testing.T) {
	before, after, files, steps := oldAndNew(t)
	commits := slices.Index(steps, "rename "+journalName)
	if commits < 0 {
		t.Fatal("no commit")
	}
	for _, way := range []string{"error", "crash"} {
		for n, name := range steps {
			t.Run(way+" after "+strings.ReplaceAll(name, "/", "-"), func(t *testing.T) {
				s := newScene(t)
				count, reached := 0, false
				err := func() (err error) {
					defer func() {
						if p := recover(); p != nil && p != "crash" {
							panic(p)
						}
					}()
					return s.attempt(t, func(string) error {
						count++
						if count != n+1 {
							return nil
						}
						if reached = true; way == "crash" {
							panic("crash")
						}
						return errBroken
					})
				}()
				if !reached {
					t.Fatal("the step was not reached")
				}
				want := before
				if n >= commits {
					want = after
				}
				// A reader comes before anybody has mended anything.
				f := testFolder(t, s.dir, noStep)
				if diff := cmp.Diff(want, look(t, f, s.digests...)); diff != "" {
					t.Fatalf("-want +seen:\n%s", diff)
				}
				if way == "error" {
					_, unfinished := errors.AsType[*UnfinishedError](err)
					if !errors.Is(err, errBroken) || unfinished != (n >= commits) {
						t.Errorf("the error: %v (%T)", err, err)
					}
				}
				// Then somebody comes who changes the home, and finds it mended.
				held, err := f.lock(context.Background(), time.Second)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, look(t, f, s.digests...)); diff != "" {
					t.Fatalf("mended: -want +seen:\n%s", diff)
				}
				on := files[0]
				if n >= commits {
					on = files[1]
				}
				got := plainFiles(t, s.dir)
				for name := range got { // drafts that were never read are replaced by the next change
					if strings.HasSuffix(name, draftSuffix) {
						delete(got, name)
					}
				}
				if diff := cmp.Diff(on, got); diff != "" {
					t.Errorf("files: -want +got:\n%s", diff)
				}
				if err := held.Close(); err != nil {
					t.Fatal(err)
				}
				mustCommit(t, f, testChange(3, map[string]string{modsLockName: lockOf(t, "newest")}), nil)
				if now := look(t, f); now.Sequence != 3 || now.Texts[modsLockName] != lockOf(t, "newest") {
					t.Errorf("the next change: %+v", now)
				}
				records(t, s.dir, 2, n >= commits)
			})
		}
	}
}

// records checks that the audit log is whole, and whether it has a change.
func records(t *testing.T, dir string, change int, want bool) {
	t.Helper()
	if _, err := audit.VerifyFile(filepath.Join(dir, auditName), nil); err != nil {
		t.Errorf("audit log: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, auditName))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"install", "approve"} {
		found := false
		for line := range strings.Lines(string(text)) {
			found = found || strings.Contains(line, `"kind":"`+kind+`"`) && strings.Contains(line, fmt.Sprintf(`"change":%d`, change))
		}
		if found != want {
			t.Errorf("the audit log has the record %s of change %d: %v, want %v", kind, change, found, want)
		}
	}
}

// TestWithoutJournalThereIsAMixture is the control of the test above: the same files,
// written one after the other, are a mixture in between.
func TestWithoutJournalThereIsAMixture(t *testing.T) {
	before, after, _, _ := oldAndNew(t)
	s := newScene(t)
	f := testFolder(t, s.dir, func(name string) error {
		if name == "rename "+modsLockName {
			panic("crash")
		}
		return nil
	})
	func() {
		defer func() { _ = recover() }()
		for _, file := range s.journal.Files {
			_ = f.replace(file.Name, []byte(file.Text))
		}
	}()
	got := look(t, testFolder(t, s.dir, noStep), s.digests...)
	if cmp.Equal(got, before) || cmp.Equal(got, after) {
		t.Error("no mixture without a journal: the test proves nothing")
	}
}

// childChanges makes the change of a scene, which the parent has prepared, and kills
// itself at a step.
func childChanges(dir string, at int) {
	s, err := loadScene(dir)
	if err == nil {
		n := 0
		var t testing.T
		err = s.attempt(&t, func(string) error {
			if n++; n == at {
				p, _ := os.FindProcess(os.Getpid())
				_ = p.Kill()
				select {}
			}
			return nil
		})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	os.Exit(0)
}

// saveScene puts what a child needs beside the home.
func (s scene) save(t testing.TB) {
	t.Helper()
	data, err := encodeStrict(s.journal)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.dir+".journal", data, 0o600); err != nil {
		t.Fatal(err)
	}
	for digest, archive := range s.archives {
		name, _ := bundle.DigestName(digest)
		if err := os.WriteFile(s.dir+"."+name, archive, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func loadScene(dir string) (scene, error) {
	s := scene{dir: dir, archives: map[string][]byte{}}
	data, err := os.ReadFile(dir + ".journal")
	if err != nil {
		return s, err
	}
	if s.journal, err = parseJournal("journal", data); err != nil {
		return s, err
	}
	names, err := filepath.Glob(dir + ".h1-*")
	for _, name := range names {
		digest, err := bundle.ParseDigest(strings.TrimPrefix(name, dir+"."))
		if err != nil {
			return s, err
		}
		if s.archives[digest], err = os.ReadFile(name); err != nil {
			return s, err
		}
	}
	return s, err
}

// TestKilledAtEachStep kills a process at each step of a change, as kill -9 does.
func TestKilledAtEachStep(t *testing.T) {
	before, after, _, steps := oldAndNew(t)
	commits := slices.Index(steps, "rename "+journalName)
	stride := 1
	if testing.Short() {
		stride = 7
	}
	for n := 0; n <= len(steps); n += stride {
		s := newScene(t)
		s.save(t)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=step %d %s", killEnv, n+1, s.dir))
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() == 3 || n < len(steps) && err == nil {
			t.Fatalf("step %d: the child was not killed: %v %s", n, err, out)
		}
		want := before
		if n >= commits {
			want = after
		}
		f := testFolder(t, s.dir, noStep)
		if diff := cmp.Diff(want, look(t, f, s.digests...)); diff != "" {
			t.Fatalf("killed at step %d: -want +seen:\n%s", n, diff)
		}
		held, err := f.lock(context.Background(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, look(t, f, s.digests...)); diff != "" {
			t.Fatalf("killed at step %d, mended: -want +seen:\n%s", n, diff)
		}
		if err := held.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// childChangesEndlessly makes changes in which all files have the same number, until
// it is killed.
func childChangesEndlessly(dir string) {
	f, err := openFolder(dir, true, noStep)
	for err == nil {
		var held interface{ Close() error }
		if held, err = f.lock(context.Background(), 10*time.Second); err != nil {
			break
		}
		var s *State
		if s, err = f.readState(context.Background()); err != nil {
			break
		}
		n := strconv.FormatUint(s.sequence+1, 10)
		var t testing.T
		err = f.commit(testChange(s.sequence+1, map[string]string{modsLockName: lockOf(&t, "mod-n"+n), freezesName: lockOf(&t, "mod-n"+n)}), nil)
		err = errors.Join(err, held.Close())
	}
	fmt.Println(err)
	os.Exit(3)
}

// TestReadersAmongWriters has two processes change a home as fast as they can, kills
// them wherever they are, and lets readers look all the time.
func TestReadersAmongWriters(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	dir := filepath.Join(t.TempDir(), "home")
	f := testFolder(t, dir, noStep)
	last, looks := uint64(0), 0
	for round := range rounds {
		var children []*exec.Cmd
		for range 2 {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), killEnv+"=endless "+dir)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			children = append(children, cmd)
		}
		for first := last; last < first+uint64(6+round); looks++ {
			s, err := f.readState(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			n := lockOf(t, "mod-n"+strconv.FormatUint(s.sequence, 10))
			if s.sequence > 0 && (string(s.lockText()) != n || string(s.freezes) != n) {
				t.Fatalf("a mixture: %d, %s, %s", s.sequence, s.lockText(), s.freezes)
			}
			if s.sequence < last {
				t.Fatalf("%d after %d", s.sequence, last)
			}
			last = s.sequence
		}
		for _, cmd := range children {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if cmd.ProcessState.ExitCode() == 3 {
				t.Error("a child came to an end of its own")
			}
		}
	}
	held, err := f.lock(context.Background(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	files := plainFiles(t, dir)
	if files[modsLockName] != files[freezesName] {
		t.Errorf("mended, the files differ: %v", files)
	}
	if _, err := audit.VerifyFile(filepath.Join(dir, auditName), nil); err != nil {
		t.Error(err)
	}
	t.Logf("%d changes, %d looks", last, looks)
}

// TestReaderMeetsAWriter lets a reader read what a writer has just written, and the
// writer end before the reader looks again: at each step of the one, and of the other.
func TestReaderMeetsAWriter(t *testing.T) {
	before, after, _, steps := oldAndNew(t)
	reads := []string{"read " + modsLockName, "read " + freezesName, "read " + approvalsName, "read again"}
	for n, name := range steps {
		if !strings.HasPrefix(name, "rename ") && !strings.HasPrefix(name, "remove ") {
			continue // to readers it is the same as the step before
		}
		for first := range reads {
			s := newScene(t)
			reached, goOn, done := make(chan bool, 1), make(chan bool), make(chan error, 1)
			count := 0
			writer := func(string) error {
				if count++; count == n+1 {
					reached <- true
					<-goOn
				}
				return nil
			}
			started, ended, passed := false, false, map[string]bool{}
			reader := testFolder(t, s.dir, func(name string) error {
				switch {
				case name == reads[first] && !started && (name != "read "+approvalsName || passed["read "+freezesName]):
					started = true
					go func() { done <- s.attempt(t, writer) }()
					<-reached
				case name == "read again" && started && !ended:
					ended = true
					goOn <- true
					if err := <-done; err != nil {
						t.Error(err)
					}
				}
				passed[name] = true
				return nil
			})
			got := look(t, reader, s.digests...)
			if !ended { // it began with the last thing that is read
				goOn <- true
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			got.Bundles, before.Bundles, after.Bundles = nil, nil, nil // they are read later
			if !cmp.Equal(got, before) && !cmp.Equal(got, after) {
				t.Fatalf("the writer is at %q, the reader at %q: a mixture: %+v", steps[n], reads[first], got)
			}
		}
	}
}

// TestBusy: whoever has the lock is waited for, and not for ever.
func TestBusy(t *testing.T) {
	dir := t.TempDir()
	a, b := testFolder(t, dir, noStep), testFolder(t, dir, noStep)
	held, err := a.lock(context.Background(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.lock(context.Background(), 30*time.Millisecond)
	if busy, ok := errors.AsType[*BusyError](err); !ok || busy.Waited != 30*time.Millisecond {
		t.Errorf("%v (%T)", err, err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if held, err = b.lock(context.Background(), time.Second); err != nil {
		t.Fatal(err)
	}
	held.Close()
}

// TestLinksDoNotLeadOut puts links in the place of everything that a home has.
func TestLinksDoNotLeadOut(t *testing.T) {
	for _, name := range []string{lockName, journalName, approvalsName, modsLockName, freezesName, auditName, auditName + ".head", bundlesDir} {
		for _, kind := range []string{"symbolic link", "hard link", "dangling link"} {
			t.Run(kind+" "+name, func(t *testing.T) {
				outside := t.TempDir()
				target := filepath.Join(outside, "target")
				if name == bundlesDir {
					if kind != "symbolic link" {
						t.Skip("folders have no such links")
					}
					if err := os.Mkdir(target, 0o700); err != nil {
						t.Fatal(err)
					}
				} else if kind != "dangling link" {
					if err := os.WriteFile(target, []byte(`{"format":1,"sequence":0,"history":[],"waiting":[]}`), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				dir := t.TempDir()
				var err error
				if kind == "hard link" {
					err = os.Link(target, filepath.Join(dir, name))
				} else {
					err = os.Symlink(target, filepath.Join(dir, name))
				}
				if err != nil {
					t.Skip(err)
				}
				// The control: whoever just opens it is led out.
				if kind != "dangling link" {
					if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
						t.Fatal("the link leads nowhere")
					}
				}
				wasThere := plainFiles(t, outside)
				f := testFolder(t, dir, noStep)
				digest, archive := testArchive(t, "one", "1.0.0", "return 1", "")
				held, err := f.lock(context.Background(), 50*time.Millisecond)
				if err == nil {
					_, err = f.readState(context.Background())
				}
				if err == nil {
					err = f.commit(testChange(1, map[string]string{modsLockName: lockOf(t, "one"), freezesName: "x"}), map[string][]byte{digest: archive})
				}
				if held != nil {
					held.Close()
				}
				if err == nil && name != lockName {
					t.Error("changed, with a link in the place of " + name)
				}
				if diff := cmp.Diff(wasThere, plainFiles(t, outside)); diff != "" {
					t.Errorf("outside: %s", diff)
				}
			})
		}
	}
}

// TestNoFolder: what is in the place of a folder is refused, and not waited for.
func TestNoFolder(t *testing.T) {
	for _, name := range []string{".", bundlesDir, advisoriesDir} {
		for kind, make := range map[string]func(path string) error{
			"file": func(path string) error { return os.WriteFile(path, nil, 0o600) },
			"pipe": makePipe,
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "home")
				x := newFixture(t)
				if name != "." {
					x.dir = dir
					x.write("note.txt", nil)
				}
				if err := make(filepath.Join(dir, name)); errors.Is(err, errors.ErrUnsupported) {
					t.Skip(err)
				} else if err != nil {
					t.Fatal(err)
				}
				h, err := Open(dir, x.opts)
				if err == nil {
					var p *Plan
					if p, err = h.Plan(context.Background(), Request{Sources: []Source{x.mod("one", "1.0.0", "", x.key)}}); err == nil {
						_, err = h.Apply(context.Background(), p, nil)
					}
				}
				if !errors.As(err, new(*FileError)) {
					t.Errorf("%v (%T)", err, err)
				}
			})
		}
	}
}

// TestDamage: what is no state of a home is said to be none.
func TestDamage(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"approvals are no JSON":  {approvalsName: "{"},
		"a key twice":            {approvalsName: `{"format":1,"format":1,"sequence":0,"history":[],"waiting":[]}`},
		"a key in capitals":      {approvalsName: `{"FORMAT":1,"sequence":0,"history":[],"waiting":[]}`},
		"a newer format":         {approvalsName: `{"format":2,"sequence":0,"history":[],"waiting":[]}`},
		"a journal is no JSON":   {journalName: "x"},
		"a journal of nothing":   {journalName: `{"format":1,"sequence":1,"files":[],"bundles":null,"remove":null,"records":null}`},
		"a journal of elsewhere": {journalName: `{"format":1,"sequence":1,"files":[{"name":"../x","sha256":"","text":""}],"bundles":null,"remove":null,"records":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := testFolder(t, dir, noStep).readState(context.Background())
			if _, ok := errors.AsType[*DamageError](err); !ok {
				t.Errorf("%v (%T)", err, err)
			}
		})
	}
}
