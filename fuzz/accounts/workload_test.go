package accounts

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// workload is a piece of Lua whose account is held against what it takes.
type workload struct {
	archive string // the file it stands in, without directory and extension
	name    string // what it is of, and after a comma which case of that
	prepare string // runs first and is not measured
	work    string // is measured; the global n is the size
}

func (w workload) String() string { return w.archive + ": " + w.name }

// of returns what w is a workload of.
func (w workload) of() string {
	of, _, _ := strings.Cut(w.name, ",")
	return of
}

// tight reports whether w runs in a jail that is only just large enough for it.
func (w workload) tight() bool { return w.of() == "census" }

// sizes are those that workloads are held to account at, the larger ones as long as
// the one before was charged no more instructions than enough.
var sizes = []int{16, 256, 4096, 65536}

const enough = 50_000

// each calls f for each size of w, with a trial at that size. f returns what it was
// charged.
func (w workload) each(t testing.TB, f func(n int, tr trial) account) {
	t.Helper()
	for _, n := range sizes {
		tr := prepare(t, w, n)
		a := f(n, tr)
		tr.close()
		if a.instructions > enough {
			return
		}
	}
}

// archives are the files of workloads in testdata.
var archives = []string{"library", "machine", "border", "capability"}

// read returns the workloads of an archive.
func read(t testing.TB, archive string) []workload {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", archive+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var all []workload
	for _, f := range txtar.Parse(text).Files {
		prepare, work, ok := strings.Cut(string(f.Data), "---\n")
		w := workload{archive: archive, name: f.Name, prepare: prepare, work: work}
		if !ok || strings.TrimSpace(work) == "" {
			t.Fatalf("%s does nothing", w)
		}
		if slices.ContainsFunc(all, func(o workload) bool { return o.name == w.name }) {
			t.Fatalf("%s is there twice", w)
		}
		all = append(all, w)
	}
	return all
}

// trial is a workload that is prepared, to be done once.
type trial struct {
	what  string
	run   func() error
	spent func() account // in all; the figures of run are a difference
	close func()
}

// account is what a workload is charged for.
type account struct{ instructions, allocated int64 }

func (a account) minus(b account) account {
	return account{a.instructions - b.instructions, a.allocated - b.allocated}
}

// do runs a trial and returns what it was charged for.
func (tr trial) do(t testing.TB) account {
	t.Helper()
	before := tr.spent()
	if err := tr.run(); err != nil {
		t.Fatalf("%s: %v", tr.what, err)
	}
	return tr.spent().minus(before)
}

// prepare returns a trial of w at size n.
func prepare(t testing.TB, w workload, n int) trial {
	t.Helper()
	if w.archive == "capability" {
		return prepareMod(t, w, n)
	}
	tr, err := prepareSandbox(w, n, 1<<30)
	if err == nil && w.tight() {
		var census luasandbox.Census
		if census, err = tr.s.Census(); err != nil {
			t.Fatal(err)
		}
		tr.close()
		// What is a single array or hash part needs more room while it is made.
		for _, percent := range []int64{110, 175} {
			if tr, err = prepareSandbox(w, n, census.Bytes*percent/100+64<<10); err == nil {
				break
			}
		}
	}
	if err != nil {
		t.Fatalf("%s, n = %d: %v", w, n, err)
	}
	return tr.trial
}

type sandboxTrial struct {
	trial
	s *luasandbox.Sandbox
}

// wide are limits that no workload comes near to.
func wide(memory int64) limits.Limits {
	l := limits.None()
	l.Memory, l.String, l.Source, l.Depth, l.Coroutines = memory, 1<<28, 1<<26, 200_000, 1<<20
	return l
}

const prelude = "function gc() local x = 'x' for i = 1, 3 do local s = x:rep(garbage) end end\n"

func prepareSandbox(w workload, n int, memory int64) (sandboxTrial, error) {
	s, err := luasandbox.New(luasandbox.Config{Limits: wide(memory), Grants: hostGrants(), Modules: module, Output: io.Discard})
	if err != nil {
		return sandboxTrial{}, err
	}
	ctx := context.Background()
	for _, text := range []string{
		fmt.Sprintf("n, garbage = %d, %d %s", n, memory/10, prelude), w.prepare, "function work()\n" + w.work + "\nend",
	} {
		p, err := luasandbox.Compile("work.lua", text, wide(memory))
		if err == nil {
			_, err = s.Load(ctx, p)
		}
		if err != nil {
			return sandboxTrial{}, err
		}
	}
	return sandboxTrial{trial{
		what: fmt.Sprintf("%s, n = %d", w, n),
		run: func() error {
			_, err := s.Call(ctx, "work")
			return err
		},
		spent: func() account {
			u := s.Usage()
			return account{u.Instructions, u.Allocated}
		},
		close: func() { _ = s.Close() },
	}, s}, nil
}

// module is what require finds: a small module, and "sized.n", of n bytes or so.
func module(name string) (chunk, source string, ok bool) {
	if name == "good" {
		return "good.lua", "return {}", true
	}
	n := 0
	if _, err := fmt.Sscanf(name, "sized.%d", &n); err != nil {
		return "", "", false
	}
	return name, strings.Repeat("x = 1 ", n) + "return {}", true
}
