package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/lockfile"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/trust"
)

// auditFlags say what is held against what.
type auditFlags struct {
	home       homeFlag
	locked     string // "": that of the home
	advisories string // "": those of the home
	block      string // a severity
	at         string // "": now
	asJSON     bool

	now time.Time
}

// staleAfter is when a database of advisories is old.
const staleAfter = 30 * 24 * time.Hour

func (f *auditFlags) register(cmd *cobra.Command) {
	f.home.register(cmd)
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.locked, "locked", "", "look at the mods of this lock `FILE` (default: "+lockfile.Name+" of the\ninstallation)")
	flags.StringVar(&f.advisories, "advisories", "", "read the advisories in `DIR` instead of those of the installation")
	flags.StringVar(&f.block, "block", advisory.Low, "fail for hits of this `SEVERITY` and graver ones: "+strings.Join(advisory.Severities(), ", "))
	flags.StringVar(&f.at, "at", "", "judge how old the advisories are as of `TIME`, such as 2026-03-01T12:00:00Z\n(default: now)")
	flags.BoolVar(&f.asJSON, "json", false, "write one JSON document to standard output")
	_ = cmd.MarkFlagFilename("locked", "lock")
	_ = cmd.MarkFlagDirname("advisories")
	_ = cmd.RegisterFlagCompletionFunc("block", cobra.FixedCompletions(advisory.Severities(), cobra.ShellCompDirectiveNoFileComp))
}

// check checks the flags and the arguments.
func (f *auditFlags) check(args []string) error {
	if !slices.Contains(advisory.Severities(), f.block) {
		return fmt.Errorf("--block %q: want one of %s", f.block, strings.Join(advisory.Severities(), ", "))
	}
	f.now = time.Now()
	if f.at != "" {
		var err error
		if f.now, err = time.Parse(time.RFC3339, f.at); err != nil {
			return fmt.Errorf("--at %q: want a time such as 2026-03-01T12:00:00Z", f.at)
		}
	}
	for _, arg := range args {
		if _, err := os.Lstat(arg); err != nil && !strings.ContainsAny(arg, `./\`) {
			return unknownAudit(arg)
		}
	}
	if _, err := os.Lstat(f.home.file(lockfile.Name)); err != nil && f.locked == "" && len(args) == 0 {
		return nothingToAudit(f.home.file(lockfile.Name))
	}
	return nil
}

// auditSubject is one bundle that is looked at.
type auditSubject struct {
	id, version, digest string
	keys                []string
	library             bool
	ways                [][]string // how it came in; each from what somebody asked for
}

// modAudit is one audit.
type modAudit struct {
	subjects   []*auditSubject
	seen       map[string]*auditSubject
	advisories *advisory.Database
	freezes    *advisory.Freezes
	unnamed    []auditNeed
}

// auditNeed is a requirement of a mod that was named, for which nothing is looked at.
type auditNeed struct {
	Mod   string `json:"mod"`
	Needs string `json:"needs"`
}

// add adds a bundle, or one more way to it.
func (a *modAudit) add(s auditSubject) {
	key := s.id + " " + s.version + " " + s.digest
	if old := a.seen[key]; old != nil {
		old.ways = append(old.ways, s.ways...)
		return
	}
	a.seen[key] = &s
	a.subjects = append(a.subjects, &s)
}

// auditMods looks at what the flags and arguments name, and reports.
func (c *console) auditMods(ctx context.Context, f *auditFlags, args []string) status {
	a := &modAudit{seen: map[string]*auditSubject{}}
	report := auditModsReport{Status: "ok", Hits: []auditHit{}, NotAudited: []auditNeed{}}
	end := allWell
	err := a.collect(ctx, f, args)
	switch i := interruptedBy(ctx); {
	case i != nil:
		c.interrupted(i.Error())
		return i.status()
	case err != nil:
		end, report.Status, report.Error = notRun, "refused", jsonText(err.Error())
		c.refusedAudit(err)
	default:
		end = a.report(f, &report)
	}
	switch {
	case f.asJSON:
		c.writeJSON(report)
	case err == nil:
		c.auditedMods(report)
	}
	return end
}

// collect reads everything.
func (a *modAudit) collect(ctx context.Context, f *auditFlags, args []string) error {
	var err error
	if a.advisories, err = readAdvisories(f); err != nil {
		return err
	}
	file := f.home.file("freezes.toml")
	text, err := readSmall(file, 1<<20)
	if err == nil {
		a.freezes, err = advisory.ParseFreezes(file, text)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := a.collectLock(f); err != nil {
		return err
	}
	for _, arg := range args {
		paths, err := findMods(arg)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if ctx.Err() != nil {
				return nil
			}
			if err := a.collectMod(path); err != nil {
				return err
			}
		}
	}
	a.unnamed = slices.DeleteFunc(a.unnamed, func(n auditNeed) bool {
		id, _, _ := strings.Cut(n.Needs, " ")
		return slices.ContainsFunc(a.subjects, func(s *auditSubject) bool { return s.id == id })
	})
	return nil
}

// readAdvisories reads those of the flag, or all of the installation: the operator's
// own, and what the catalogue published.
func readAdvisories(f *auditFlags) (*advisory.Database, error) {
	db := &advisory.Database{}
	folder := f.advisories
	if folder == "" {
		folder = f.home.file("advisories")
		if err := addFeed(db, f.home.file("feed.json")); err != nil {
			return nil, err
		}
	}
	var root *os.Root
	info, err := os.Stat(folder) // os.OpenRoot would wait for whoever writes into a pipe
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err == nil {
		root, err = os.OpenRoot(folder)
	}
	if err == nil {
		err = db.AddFolder(root)
		_ = root.Close()
	}
	if err != nil && (f.advisories != "" || !errors.Is(err, fs.ErrNotExist)) {
		return nil, &refusal{What: folder, Reason: bare(err).Error(), Want: "a folder of advisories", Err: err}
	}
	return db, nil
}

// addFeed adds the advisories of what package install keeps of a catalogue, if it keeps
// any. The rest of the file is that package's.
func addFeed(db *advisory.Database, path string) error {
	data, err := readSmall(path, 8<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var feed struct {
		Advisories []struct{ ID, Text string }
	}
	if err == nil {
		if bad := json.Unmarshal(data, &feed); bad != nil {
			err = unreadable(path, "what install keeps of a catalogue", bad)
		}
	}
	for _, a := range feed.Advisories {
		db.AddFrom("catalogue", a.ID+" of the catalogue", []byte(a.Text))
	}
	return err
}

// readSmall reads a file of at most most bytes.
func readSmall(path string, most int64) ([]byte, error) {
	const want = "a file"
	file, err := openRegular(path, want)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && info.Size() > most {
		err = fmt.Errorf("%s; at most %s", size(info.Size()), size(most))
	}
	if err != nil {
		return nil, unreadable(path, want, err)
	}
	data := make([]byte, info.Size())
	n, err := file.ReadAt(data, 0)
	if int64(n) < info.Size() {
		return nil, unreadable(path, want, err)
	}
	return data, nil
}

// collectLock adds what is installed, in the order of the lock: each mod, and the
// libraries of each.
func (a *modAudit) collectLock(f *auditFlags) error {
	path := f.locked
	if path == "" {
		path = f.home.file(lockfile.Name)
	}
	lock, err := lockfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) && f.locked == "" {
		return nil
	}
	if _, strict := errors.AsType[*lockfile.Error](err); err != nil && !strict {
		err = unreadable(path, "a lock file", err)
	}
	if err != nil {
		return err
	}
	for _, m := range lock.Mods {
		var way []string
		for _, id := range lock.Chain(m.ID) {
			on, _ := lock.Mod(id)
			way = append(way, on.ID+" "+on.Version)
		}
		if way == nil { // nobody asks for it any more
			way = []string{m.ID + " " + m.Version}
		}
		a.add(auditSubject{id: m.ID, version: m.Version, digest: m.Digest, keys: m.Keys, ways: [][]string{way}})
		versions := map[string]string{}
		for _, l := range m.Libraries {
			versions[l.ID] = l.Version
		}
		for _, l := range m.Libraries {
			inner := slices.Clone(way)
			for _, id := range m.LibraryChain(l.ID) {
				inner = append(inner, id+" "+versions[id])
			}
			a.add(auditSubject{id: l.ID, version: l.Version, digest: l.Digest, keys: l.Keys, library: true, ways: [][]string{inner}})
		}
	}
	return nil
}

// collectMod adds a mod or library that was named.
func (a *modAudit) collectMod(path string) error {
	b, err := openMod(path)
	if err != nil {
		return &auditModError{path, err}
	}
	man, err := manifest.Parse(filepath.ToSlash(path)+"/mod.toml", b.Manifest())
	if err != nil {
		return &auditModError{path, err}
	}
	s := auditSubject{id: man.ID, version: man.Version.String(), digest: b.Digest(), library: man.Library, ways: [][]string{{path}}}
	for _, signer := range trust.Signers(b) {
		s.keys = append(s.keys, signer.KeyID)
	}
	a.add(s)
	for _, list := range [][]manifest.Requirement{man.Dependencies, man.Libraries} {
		for _, need := range list {
			a.unnamed = append(a.unnamed, auditNeed{man.ID + " " + man.Version.String(), need.ID + " " + need.Range.Text})
		}
	}
	return nil
}

// auditModError is a mod that was named and cannot be read.
type auditModError struct {
	path string
	err  error
}

// Error names the mod.
func (e *auditModError) Error() string { return e.path + ": " + e.err.Error() }

// Unwrap returns what is wrong with it.
func (e *auditModError) Unwrap() error { return e.err }

// auditModsReport is the JSON document of audit.
type auditModsReport struct {
	Status     string          `json:"status"` // "ok", "hit", "blocked" or "refused"
	Error      string          `json:"error,omitempty"`
	Mods       int             `json:"mods"`
	Libraries  int             `json:"libraries"`
	Advisories auditAdvisories `json:"advisories"`
	Freezes    int             `json:"freezes"`
	Hits       []auditHit      `json:"hits"`
	NotAudited []auditNeed     `json:"not_audited"`
}

// auditAdvisories is what is known of the advisories themselves.
type auditAdvisories struct {
	Count    int            `json:"count"`
	Newest   string         `json:"newest,omitempty"` // when the last one was modified
	Days     int            `json:"days,omitempty"`   // how long ago that is
	Notes    []string       `json:"notes,omitempty"`  // why they may not be all there are
	Problems []auditProblem `json:"problems,omitempty"`
}

// auditProblem is an advisory that is not understood.
type auditProblem struct {
	File   string `json:"file"`
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
}

// auditHit is an advisory or a freeze about something that is there.
type auditHit struct {
	Mod      string     `json:"mod"`
	Version  string     `json:"version"`
	Digest   string     `json:"digest"`
	Library  bool       `json:"library"`
	Advisory string     `json:"advisory,omitempty"`
	Freeze   string     `json:"freeze,omitempty"`
	Severity string     `json:"severity,omitempty"`
	Summary  string     `json:"summary,omitempty"`
	Since    string     `json:"since,omitempty"`
	Fixed    string     `json:"fixed,omitempty"`
	Unclear  string     `json:"unclear,omitempty"`
	Ways     [][]string `json:"ways"`
	Blocks   bool       `json:"blocks"`
}

// report fills the report in.
func (a *modAudit) report(f *auditFlags, r *auditModsReport) status {
	for _, s := range a.subjects {
		if s.library {
			r.Libraries++
		} else {
			r.Mods++
		}
		ways := [][]string{}
		for _, way := range s.ways {
			var parts []string
			for _, part := range way {
				parts = append(parts, jsonText(part))
			}
			ways = append(ways, parts)
		}
		base := auditHit{Mod: s.id, Version: s.version, Digest: s.digest, Library: s.library, Ways: ways}
		for _, freeze := range a.freezes.Match(s.id, s.version, s.digest, s.keys) {
			hit := base
			hit.Freeze, hit.Blocks = freeze.String(), true
			r.Hits = append(r.Hits, hit)
		}
		for _, found := range a.advisories.Match(s.id, s.version) {
			hit := base
			hit.Advisory, hit.Severity, hit.Summary = found.Advisory.ID, found.Severity, found.Advisory.Summary
			hit.Since, hit.Fixed, hit.Unclear = found.Since, found.Fixed, found.Unclear
			severities := advisory.Severities()
			hit.Blocks = slices.Index(severities, found.Severity) >= slices.Index(severities, f.block)
			r.Hits = append(r.Hits, hit)
		}
	}
	r.NotAudited = append(r.NotAudited, a.unnamed...)
	if a.freezes != nil {
		r.Freezes = len(a.freezes.List)
	}
	r.Advisories = a.about(f.now)
	switch {
	case len(r.Advisories.Problems) > 0 || slices.ContainsFunc(r.Hits, func(h auditHit) bool { return h.Blocks }):
		r.Status = "blocked"
		return notRun
	case len(r.Hits) > 0:
		r.Status = "hit"
	}
	return allWell
}

// about says what is known of the advisories.
func (a *modAudit) about(now time.Time) auditAdvisories {
	out := auditAdvisories{Count: a.advisories.Len()}
	for _, p := range a.advisories.Problems() {
		reason := p.Reason
		if p.Err != nil {
			reason += ": " + p.Err.Error()
		}
		out.Problems = append(out.Problems, auditProblem{jsonText(p.File), p.Field, jsonText(reason)})
	}
	newest := a.advisories.Newest()
	if out.Count == 0 {
		out.Notes = append(out.Notes, noAdvisories)
	}
	if newest.IsZero() {
		return out
	}
	out.Newest = newest.Format(time.RFC3339)
	age := now.Sub(newest)
	out.Days = int(age / (24 * time.Hour))
	switch {
	case age < -24*time.Hour:
		out.Notes = append(out.Notes, advisoriesOfTheFuture(newest))
	case age > staleAfter:
		out.Notes = append(out.Notes, oldAdvisories(newest, out.Days))
	}
	return out
}
