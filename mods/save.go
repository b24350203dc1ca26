package mods

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/internal/jsonvalue"
	"github.com/luasandbox/modrunner/mods/recording"
)

// What a saved game can be.
const (
	saveFormat   = "modrunner save"
	saveVersion  = 1
	maxSaved     = 1 << 20 // bytes of one mod's state as JSON
	maxSaveFile  = 64 << 20
	maxSavedMods = 10_000
)

// saveFile is a saved game.
type saveFile struct {
	Format  string        `json:"format"`
	Version int           `json:"version"`
	API     string        `json:"api"`
	Tick    int64         `json:"tick"`
	Time    time.Duration `json:"time_ns"`
	Mods    []savedMod    `json:"mods"`
}

// savedMod is what a mod wants to know again.
type savedMod struct {
	ID      string          `json:"id"`
	Version string          `json:"version"` // of the mod that saved it
	State   json.RawMessage `json:"state,omitempty"`
	Timers  []savedTimer    `json:"timers,omitempty"`

	at time.Duration // since when the timers run again
}

type savedTimer struct {
	Name  string        `json:"name"`
	Left  time.Duration `json:"left_ns"`
	Every time.Duration `json:"every_ns,omitempty"`
}

// SaveError is a saved game that cannot be used, or a mod that could not save.
type SaveError struct {
	Mod   string // "" if it concerns the whole file
	Field string // where in the file, as "mods[3].timers[0].name"; "" if nowhere
	Err   error
}

// Error names the mod or the place, and the reason.
func (e *SaveError) Error() string {
	switch {
	case e.Mod != "":
		return fmt.Sprintf("saved game: mod %q: %v", e.Mod, e.Err)
	case e.Field != "":
		return fmt.Sprintf("saved game: %s: %v", e.Field, e.Err)
	}
	return fmt.Sprintf("saved game: %v", e.Err)
}

// Unwrap returns the reason.
func (e *SaveError) Unwrap() error { return e.Err }

// Save writes what all mods want to know again, and their timers that have a name,
// as one JSON document. It calls the on_save hooks, each for at most one frame's
// budget; a handler that is not finished is finished first, within its limits; what
// waits for an answer is not saved. Of a mod that fails, or that does not run, what
// it saved or was given last is written.
//
// The errors, joined: a [*SaveError] for each mod that failed, in which case the
// rest was written all the same; w's error; one that matches ctx.Err() if ctx ended,
// in which case nothing was written. Else [ErrBusy], [ErrStopped], [ErrClosed] or
// [ErrReplays].
func (h *Host) Save(ctx context.Context, w io.Writer) error {
	leave, err := h.enter()
	if err != nil {
		return err
	}
	defer leave()
	if h.journal.replays() {
		return ErrReplays
	}
	return h.saveGame(ctx, w)
}

// saveGame is Save. The frame is the caller's.
func (h *Host) saveGame(ctx context.Context, w io.Writer) error {
	h.tickCtx = ctx
	if _, err := h.journal.begin(recording.Save, h, 0); err != nil {
		return err
	}
	file := saveFile{Format: saveFormat, Version: saveVersion, API: h.api.String(), Tick: h.tick + h.tickOffset, Time: h.elapsed(), Mods: []savedMod{}}
	var errs []error
	for _, m := range h.Mods() {
		if m.health == nil || m.gone {
			continue
		}
		if h.journal.stops(ctx.Err() != nil) {
			return errors.Join(fmt.Errorf("save: %w", cmp.Or(ctx.Err(), context.Canceled)), h.journal.end())
		}
		if err := m.save(); err != nil {
			errs = append(errs, &SaveError{Mod: m.id, Err: light(err)})
		}
		if m.saved != nil {
			file.Mods = append(file.Mods, *m.saved)
		}
	}
	for _, id := range sortedNames(h.unclaimed) {
		file.Mods = append(file.Mods, h.unclaimed[id])
	}
	h.settle()
	if err := h.journal.end(); err != nil {
		errs = append(errs, err)
	}
	h.publish()
	text, err := json.MarshalIndent(file, "", " ")
	if err == nil {
		_, err = w.Write(append(text, '\n'))
	}
	return errors.Join(append(errs, err)...)
}

// save makes m.saved what m wants to know again.
func (m *Mod) save() error {
	in := m.live
	if in == nil || !m.loaded || !m.mayRun() {
		return nil
	}
	m.finishCurrent()
	if m.live != in {
		return ErrNotRunning
	}
	s := savedMod{ID: m.id, Version: in.edition.manifest.Version.String(), at: m.host.now}
	for _, t := range namedTimers(in) {
		s.Timers = append(s.Timers, savedTimer{Name: t.name, Left: max(0, t.due-m.host.now), Every: t.every})
	}
	if fn := in.hooks["on_save"]; fn != nil {
		results, err := m.runNow(&job{in: in, kind: saveJob, during: "on_save hook", fn: fn})
		if err != nil {
			return err
		}
		if len(results) > 0 && results[0] != nil {
			_, text, err := savedState(results[0])
			if err != nil {
				return err
			}
			s.State = json.RawMessage(text)
		}
	}
	if s.State == nil && s.Timers == nil {
		m.saved = nil
		return nil
	}
	m.saved = &s
	return nil
}

// finishCurrent lets a handler that is paused come to its end.
func (m *Mod) finishCurrent() {
	for _, lane := range []**job{&m.current, &m.other} {
		if j := *lane; j != nil && j.in == m.live && j.task != nil && !j.over {
			*lane = nil
			m.aside(func() { m.complete(j, m.edition.limits.Instructions) })
		}
	}
}

// savedState checks what on_save returned. It returns it also as JSON.
func savedState(v any) (any, string, error) {
	text, err := jsonvalue.Encode(v, jsonvalue.Encoding{Most: maxSaved, Bytes: true})
	if errors.Is(err, jsonvalue.ErrTooLarge) {
		return nil, "", fmt.Errorf("the state takes more than %d KiB as JSON", maxSaved>>10)
	}
	if err != nil {
		return nil, "", err
	}
	return v, text, nil
}

// Restored says what became of a saved game.
type Restored struct {
	Mods    []string         // that were, or will be when they are loaded, given what they saved
	Missing []string         // that the host does not have; what they saved is kept for the next Save
	Failed  map[string]error // whose hooks failed: each a *SaveError
}

// Restore reads what [Host.Save] wrote. The file is not trusted: it is checked as a
// whole before anything is done. Mods that run are given their state now (on_migrate
// if it is another version's, on_load), each for at most one frame's budget; those
// that are loaded and have not begun to run get it in place of the start hook. Game
// time (clock.elapsed, clock.tick) goes on from where it was saved.
//
// The errors: a [*SaveError] for a file that cannot be used, in which case nothing
// was done; r's error; [ErrBusy], [ErrStopped], [ErrClosed]; [ErrReplays].
func (h *Host) Restore(ctx context.Context, r io.Reader) (Restored, error) {
	done := Restored{Failed: map[string]error{}}
	leave, err := h.enter()
	if err != nil {
		return done, err
	}
	defer leave()
	if h.journal.replays() {
		return done, ErrReplays
	}
	return h.restoreGame(ctx, r)
}

// restoreGame is Restore. The frame is the caller's.
func (h *Host) restoreGame(ctx context.Context, r io.Reader) (Restored, error) {
	done := Restored{Failed: map[string]error{}}
	var text bytes.Buffer
	if h.journal.records() {
		r = io.TeeReader(r, &text)
	}
	file, err := readSave(r)
	if err != nil {
		return done, err
	}
	h.tickCtx = ctx
	loads, err := h.journal.begin(recording.Restore, h, 0)
	if err != nil {
		return done, err
	}
	h.journal.restores(text.Bytes())
	for _, in := range loads {
		in.apply(h)
	}
	h.offset, h.tickOffset = file.Time-h.now, file.Tick-h.tick
	h.unclaimed = map[string]savedMod{}
	for _, s := range file.Mods {
		m := h.Mod(s.ID)
		if m == nil {
			h.unclaimed[s.ID] = s
			done.Missing = append(done.Missing, s.ID)
			continue
		}
		s.at = h.now
		m.saved = &s
		if m.loaded {
			if err := m.restore(); err != nil {
				done.Failed[s.ID] = &SaveError{Mod: s.ID, Err: light(err)}
				continue
			}
		}
		done.Mods = append(done.Mods, s.ID)
	}
	h.settle()
	err = h.journal.end()
	h.publish()
	return done, err
}

// restore gives a mod that runs what it saved.
func (m *Mod) restore() error {
	in, s := m.live, m.saved
	for _, t := range namedTimers(in) {
		cancelTimer(in, float64(t.id))
	}
	in.restoreTimers(s)
	if in.hooks["on_load"] == nil || s.State == nil {
		return nil
	}
	m.finishCurrent()
	if m.live != in {
		return ErrNotRunning
	}
	state, err := decodeStored(string(s.State))
	if err != nil {
		return err
	}
	if migrate := in.hooks["on_migrate"]; migrate != nil && s.Version != in.edition.manifest.Version.String() {
		results, err := m.runNow(&job{in: in, kind: startJob, during: "on_migrate hook", fn: migrate, args: []any{state, s.Version}})
		if err != nil {
			return err
		}
		state = nil
		if len(results) > 0 {
			state = results[0]
		}
	}
	if m.live != in {
		return ErrNotRunning
	}
	_, err = m.runNow(&job{in: in, kind: startJob, during: "on_load hook", fn: in.hooks["on_load"], args: []any{state}})
	return err
}

func (in *instance) restoreTimers(s *savedMod) {
	for _, t := range s.Timers {
		in.startTimer(&timer{in: in, name: t.Name, every: t.Every}, max(0, t.Left-(in.mod.host.now-s.at)))
	}
}

// continueSaved begins a mod that has just been loaded with what it saved, if it
// did. It reports whether it does: then end is called when that has ended.
func (m *Mod) continueSaved(end func(error)) bool {
	in, s := m.live, m.saved
	if s == nil {
		if kept, ok := m.host.unclaimed[m.id]; ok {
			delete(m.host.unclaimed, m.id)
			kept.at = m.host.now
			m.saved, s = &kept, &kept
		}
	}
	if s == nil {
		return false
	}
	in.restoreTimers(s)
	if in.hooks["on_load"] == nil || s.State == nil {
		return false
	}
	state, err := decodeStored(string(s.State))
	if err != nil { // readSave has looked
		return false
	}
	in.load(state, s.Version, end)
	return true
}

// elapsed is the game time, with that of the saved game it goes on from.
func (h *Host) elapsed() time.Duration {
	if t := h.now + h.offset; t >= 0 {
		return t
	}
	return math.MaxInt64
}

var savedID = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

// readSave reads and checks a saved game.
func readSave(r io.Reader) (*saveFile, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSaveFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSaveFile {
		return nil, &SaveError{Err: fmt.Errorf("more than %d MiB", maxSaveFile>>20)}
	}
	var file saveFile
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, &SaveError{Err: err}
	}
	fail := func(field, format string, args ...any) (*saveFile, error) {
		return nil, &SaveError{Field: field, Err: fmt.Errorf(format, args...)}
	}
	if _, err := d.Token(); err != io.EOF {
		return fail("", "there is something behind its end")
	}
	switch {
	case file.Format != saveFormat:
		return fail("format", "%q; want %q", clip(file.Format, 64), saveFormat)
	case file.Version != saveVersion:
		return fail("version", "%d; this host reads %d", file.Version, saveVersion)
	case file.Tick < 0 || file.Tick > maxInteger:
		return fail("tick", "%d", file.Tick)
	case file.Time < 0 || file.Time > longestTimer*8:
		return fail("time_ns", "%d", file.Time)
	case len(file.Mods) > maxSavedMods:
		return fail("mods", "%d of them; at most %d", len(file.Mods), maxSavedMods)
	}
	seen := map[string]bool{}
	for i, m := range file.Mods {
		at := func(name string) string { return fmt.Sprintf("mods[%d].%s", i, name) }
		if !savedID.MatchString(m.ID) {
			return fail(at("id"), "%s is not a mod's id", shown(m.ID))
		}
		if seen[m.ID] {
			return fail(at("id"), "%q is there twice", m.ID)
		}
		seen[m.ID] = true
		if _, err := semver.StrictNewVersion(m.Version); err != nil || len(m.Version) > 64 {
			return fail(at("version"), "%s is not a version", shown(m.Version))
		}
		if len(m.State) > maxSaved*2 {
			return fail(at("state"), "%d bytes; at most %d", len(m.State), maxSaved*2)
		}
		if m.State != nil {
			if _, err := decodeStored(string(m.State)); err != nil {
				return fail(at("state"), "%w", err)
			}
		}
		if len(m.Timers) > timersOfMod {
			return fail(at("timers"), "%d of them; at most %d", len(m.Timers), timersOfMod)
		}
		for n, t := range m.Timers {
			at := func(name string) string { return at(fmt.Sprintf("timers[%d].%s", n, name)) }
			switch {
			case t.Name == "" || len(t.Name) > timerNameLen:
				return fail(at("name"), "%d bytes; want 1 to %d", len(t.Name), timerNameLen)
			case t.Left < 0 || t.Left > longestTimer:
				return fail(at("left_ns"), "%d", t.Left)
			case t.Every != 0 && (t.Every < shortestTimer || t.Every > longestTimer):
				return fail(at("every_ns"), "%d", t.Every)
			}
		}
	}
	slices.SortFunc(file.Mods, func(a, b savedMod) int { return slices.Compare([]byte(a.ID), []byte(b.ID)) })
	return &file, nil
}

// takeLoads takes from the inbox the Loads that were said since the last tick: they
// happen before a saved game is restored, so that it finds its mods.
func (h *Host) takeLoads() []input {
	h.mu.Lock()
	var loads []input
	h.inbox = slices.DeleteFunc(h.inbox, func(in input) bool {
		_, isLoad := in.(*loadInput)
		if isLoad {
			loads = append(loads, in)
		}
		return isLoad
	})
	h.mu.Unlock()
	return loads
}
