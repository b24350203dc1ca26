package incident

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
)

// How much is collected; what is beyond is counted, and said.
const (
	maxEvents  = 20_000
	maxExcerpt = 64 << 20 // bytes of the lines of one log
)

// Case is what somebody wants to know about, and where to look.
type Case struct {
	Subject Subject
	Reason  string // why it was opened
	By      string // who opened it
	Opened  time.Time
	Tool    string // what collects, and its version

	Logs      []string // paths of audit logs
	Said      []Said   // what people and rules said of mods, in the order in which they did
	Bundles   []Bundle // those that are at hand
	Documents []File   // what else is worth keeping as it is: policy, trust store, lock, reports
}

// Said is an approval, or the contrary, or a freeze.
type Said struct {
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	What    string    `json:"what"` // "approved", "denied", "revoked", "frozen"
	ID      string    `json:"id"`
	Version string    `json:"version,omitempty"`
	Digest  string    `json:"digest,omitempty"`
	Keys    []string  `json:"keys,omitempty"`
	Grants  []string  `json:"grants,omitempty"` // capabilities
	Note    string    `json:"note,omitempty"`
	About   bool      `json:"-"` // it is about the subject, whatever the other fields say
}

// SaidOf brings an approval into the form.
func SaidOf(a policy.Approval) Said {
	s := Said{At: a.At, By: a.By, What: string(a.Verdict), ID: a.ID, Version: a.Version, Digest: a.Digest, Keys: a.Keys, Note: a.Note}
	for _, g := range a.Grants {
		s.Grants = append(s.Grants, g.Capability)
	}
	return s
}

// Bundle is a mod that is at hand, with the keys whose signatures of it are good.
type Bundle struct {
	Bundle *bundle.Bundle
	Keys   []string
}

// File is one file of the evidence.
type File struct {
	Name string // slash-separated
	Data []byte
}

// Mod is one mod that the subject means.
type Mod struct {
	ID      string   `json:"id"`
	Version string   `json:"version"`
	Digest  string   `json:"digest"`
	Keys    []string `json:"keys,omitempty"`
	Bundle  string   `json:"bundle,omitempty"` // the file in the evidence, if there is one
	Lines   int      `json:"lines"`            // of audit logs that are about it
}

// Log is an audit log that was looked through.
type Log struct {
	Path    string     `json:"path"`
	Intact  bool       `json:"intact"` // from its beginning to the head beside it
	Problem string     `json:"problem,omitempty"`
	Head    audit.Head `json:"head"` // the last line that was read
	Lines   uint64     `json:"lines"`
	About   int        `json:"about"` // lines about the subject
	Omitted int        `json:"omitted,omitempty"`
	Excerpt string     `json:"excerpt,omitempty"` // the file in the evidence
}

// Event is one thing that happened.
type Event struct {
	At      time.Time `json:"at"`
	Source  string    `json:"source"` // a log and the number of its line, or "approvals"
	Kind    string    `json:"kind"`
	Mod     string    `json:"mod"`
	Version string    `json:"version,omitempty"`
	Digest  string    `json:"digest,omitempty"`
	What    string    `json:"what"`
}

// Evidence is what was found.
type Evidence struct {
	Case     Case
	Mods     []Mod   // by id, version and digest
	Logs     []Log   // in the order of the case
	Events   []Event // by time; of one time in the order of their sources
	Omitted  int     // further events
	Problems []string

	files []File // all but the list of hashes
}

// ErrNoSubject is a case about nothing.
var ErrNoSubject = errors.New("the case names neither an id, nor a digest, nor a key")

// Collect looks everywhere that the case says. What cannot be read, or is not as it was
// written, is a problem of the evidence and no error: the rest may be all there is.
//
// The error is [ErrNoSubject].
func Collect(c Case) (*Evidence, error) {
	if c.Subject.IsZero() {
		return nil, ErrNoSubject
	}
	e := &Evidence{Case: c}
	known := &mods{subject: c.Subject, by: map[string]*Mod{}}
	for _, b := range c.Bundles {
		e.bundle(known, b)
	}
	for _, s := range c.Said { // first all: a digest may be known by who signed it
		if s.Digest != "" && known.subject.Holds(s.ID, s.Version, s.Digest, s.Keys) {
			known.add(s.ID, s.Version, s.Digest, s.Keys)
		}
	}
	for _, s := range c.Said {
		if s.About || known.means(s.ID, s.Version, s.Digest) || known.subject.Holds(s.ID, s.Version, s.Digest, s.Keys) {
			e.event(Event{At: s.At, Source: "approvals", Kind: s.What, Mod: s.ID, Version: s.Version, Digest: s.Digest, What: s.words()})
		}
	}
	for i, path := range c.Logs {
		e.log(known, i, path)
	}
	for _, m := range known.by {
		e.Mods = append(e.Mods, *m)
	}
	slices.SortFunc(e.Mods, func(a, b Mod) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Version, b.Version), strings.Compare(a.Digest, b.Digest))
	})
	slices.SortStableFunc(e.Events, func(a, b Event) int { return a.At.Compare(b.At) })
	for _, d := range c.Documents {
		e.files = append(e.files, File{"documents/" + path.Base(d.Name), d.Data})
	}
	return e, e.describe()
}

// words says in a line how it was said.
func (s Said) words() string {
	var parts []string
	if s.By != "" {
		parts = append(parts, "by "+shown(s.By))
	}
	if len(s.Grants) > 0 {
		parts = append(parts, "with "+shown(strings.Join(s.Grants, ", ")))
	}
	if s.Note != "" {
		parts = append(parts, shown(s.Note))
	}
	return strings.Join(parts, "; ")
}

// mods are those that the subject means, as far as they are known.
type mods struct {
	subject Subject
	by      map[string]*Mod // by id, version and digest
}

func key(id, version, digest string) string { return id + "\x00" + version + "\x00" + digest }

func (m *mods) add(id, version, digest string, keys []string) *Mod {
	k := key(id, version, digest)
	if m.by[k] == nil {
		m.by[k] = &Mod{ID: id, Version: version, Digest: digest}
	}
	for _, key := range keys {
		if !slices.Contains(m.by[k].Keys, key) {
			m.by[k].Keys = append(m.by[k].Keys, key)
			slices.Sort(m.by[k].Keys)
		}
	}
	return m.by[k]
}

// means reports whether a mod without its signers at hand is one that is known.
func (m *mods) means(id, version, digest string) bool {
	return digest != "" && m.by[key(id, version, digest)] != nil
}

func (e *Evidence) problem(format string, args ...any) {
	e.Problems = append(e.Problems, fmt.Sprintf(format, args...))
}

func (e *Evidence) event(ev Event) {
	if len(e.Events) == maxEvents {
		e.Omitted++
		return
	}
	e.Events = append(e.Events, ev)
}

// bundle keeps a bundle that the subject means.
func (e *Evidence) bundle(known *mods, b Bundle) {
	man, err := manifest.Parse(bundle.ManifestName, b.Bundle.Manifest())
	digest := b.Bundle.Digest()
	id, version := "", ""
	if err == nil {
		id, version = man.ID, man.Version.String()
	}
	if !known.subject.Holds(id, version, digest, b.Keys) {
		return
	}
	m := known.add(id, version, digest, b.Keys)
	name, err := bundle.DigestName(digest)
	var data bytes.Buffer
	if err == nil {
		err = b.Bundle.WriteZip(&data)
	}
	if err != nil {
		e.problem("the bundle %s could not be kept: %v", digest, err)
		return
	}
	m.Bundle = "bundles/" + name + ".zip"
	e.files = append(e.files, File{m.Bundle, data.Bytes()})
}

// log looks through an audit log.
func (e *Evidence) log(known *mods, i int, file string) {
	l := Log{Path: file}
	name := fmt.Sprintf("log %d", i+1)
	var excerpt bytes.Buffer
	summary, err := audit.ReadFile(file, nil, func(line audit.Line) error {
		l.Head, l.Lines = audit.Head{Seq: line.Seq, Hash: line.Hash}, line.Seq
		r := line.Record
		if !known.means(r.Mod, r.Version, r.Digest) && (r.Mod == "" || !known.subject.Holds(r.Mod, r.Version, r.Digest, nil)) {
			return nil
		}
		l.About++
		if r.Digest != "" { // otherwise it is about an id as such
			known.add(r.Mod, r.Version, r.Digest, nil).Lines++
		}
		e.event(Event{At: r.Time, Source: fmt.Sprintf("%s, line %d", name, line.Seq), Kind: r.Kind, Mod: r.Mod, Version: r.Version, Digest: r.Digest, What: attributes(r.Attrs)})
		if excerpt.Len()+len(line.Text) < maxExcerpt {
			excerpt.WriteString(line.Text + "\n")
		} else {
			l.Omitted++
		}
		return nil
	})
	l.Intact = err == nil
	if err != nil {
		l.Problem = shown(err.Error())
		e.problem("the audit log %s: %s", shown(file), l.Problem)
	}
	if summary.Lost > 0 {
		e.problem("the audit log %s lost %d records while it was written", shown(file), summary.Lost)
	}
	if excerpt.Len() > 0 {
		l.Excerpt = fmt.Sprintf("audit/%d.jsonl", i+1)
		e.files = append(e.files, File{l.Excerpt, excerpt.Bytes()})
	}
	e.Logs = append(e.Logs, l)
}

// attributes says in a line what a record says beside its kind.
func attributes(attrs []slog.Attr) string {
	var parts []string
	for _, a := range attrs {
		if text := a.Value.String(); text != "" {
			parts = append(parts, shown(a.Key)+" "+shown(text))
		}
	}
	return strings.Join(parts, "; ")
}

// describe writes the files that say what the others are.
func (e *Evidence) describe() error {
	type subject struct {
		ID       string `json:"id,omitempty"`
		Versions string `json:"versions,omitempty"`
		Digest   string `json:"digest,omitempty"`
		Key      string `json:"key,omitempty"`
	}
	c := e.Case
	about, err := json.MarshalIndent(struct {
		Subject  subject   `json:"subject"`
		Reason   string    `json:"reason"`
		By       string    `json:"by"`
		Opened   time.Time `json:"opened"`
		Tool     string    `json:"tool"`
		Mods     []Mod     `json:"mods"`
		Logs     []Log     `json:"logs"`
		Said     []Said    `json:"said"`
		Problems []string  `json:"problems"`
	}{subject{c.Subject.ID, c.Subject.Range.Text, c.Subject.Digest, c.Subject.Key}, c.Reason, c.By, c.Opened.UTC(), c.Tool,
		orEmpty(e.Mods), orEmpty(e.Logs), orEmpty(e.said()), orEmpty(e.Problems)}, "", "  ")
	if err != nil {
		return err
	}
	timeline, err := json.MarshalIndent(struct {
		Events  []Event `json:"events"`
		Omitted int     `json:"omitted,omitempty"`
	}{orEmpty(e.Events), e.Omitted}, "", "  ")
	if err != nil {
		return err
	}
	e.files = append(e.files, File{"case.json", append(about, '\n')}, File{"timeline.json", append(timeline, '\n')}, File{PostMortemName, e.PostMortem()})
	return nil
}

// said returns what was said of the mods of the subject.
func (e *Evidence) said() []Said {
	return slices.DeleteFunc(slices.Clone(e.Case.Said), func(s Said) bool {
		return !s.About && !e.Case.Subject.Holds(s.ID, s.Version, s.Digest, s.Keys)
	})
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
