package mods

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/recording"
)

// saidMost is how much of what is said to a host that replays is kept until the
// recording has it.
const saidMost = 4096

// header returns all that a run depends on beside what is said to the host.
func (h *Host) header() recording.Header {
	var header recording.Header
	add := func(name string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			text = []byte(err.Error())
		}
		header.Fields = append(header.Fields, recording.Field{Name: name, Value: string(text)})
	}
	c := &h.cfg
	most := c.Limits
	most.Time = limits.UnlimitedTime // see unhurried
	add("APIVersion", c.APIVersion)
	add("hooks", APIVersion)
	add("Seed", c.Seed)
	add("Limits", most)
	add("Memory", c.Memory)
	add("Frame.Instructions", c.Frame.Instructions)
	add("Frame.Workers", min(c.Frame.Workers, 1))
	add("Priorities", c.Priorities)
	add("Health", c.Health)
	add("Policy", c.Policy)
	add("Flags", c.Flags)
	add("SaveEvery", c.SaveEvery)
	add("Language", c.Language)
	type capability struct {
		Name, Version string
		IO            IOLimits
	}
	offered := []capability{}
	for _, name := range sortedNames(h.catalogue) {
		for _, c := range h.catalogue[name] {
			offered = append(offered, capability{c.Name, c.Version, c.IO})
		}
	}
	add("Capabilities", offered)
	type event struct {
		Event
		Fallback bool
	}
	sent := []event{}
	for _, name := range sortedNames(h.declared) {
		e := *h.declared[name]
		sent = append(sent, event{Event{Name: e.Name, Overflow: e.Overflow, Key: e.Key}, e.Fallback != nil})
	}
	add("Events", sent)
	return header
}

// unhurried returns the limits of a mod in a run that is recorded or repeated: by the
// clock alone nothing ends, or it would not end there again. A frame still ends by its
// guard, which is recorded, and each call by its instructions.
func (j *journal) unhurried(l limits.Limits) limits.Limits {
	if j != nil {
		l.Time = limits.UnlimitedTime
	}
	return l
}

// open begins a replay.
func (j *journal) open(r *Replay) error {
	if r.Recording == nil {
		return &ConfigError{Field: "Replay.Recording", Err: errors.New("there is none")}
	}
	var err error
	if j.from, err = recording.NewReader(r.Recording); err != nil {
		return err
	}
	want, have := j.from.Header().Fields, j.host.header().Fields
	for i, f := range have {
		switch {
		case i >= len(want) || want[i].Name != f.Name:
			return &ReplayError{Field: "header", Err: fmt.Errorf("%w: there is no %s in its place", recording.ErrFormat, f.Name)}
		case want[i].Value != f.Value:
			e := &ReplayError{Field: f.Name}
			e.Want, e.Have = whereTheyDiffer(want[i].Value, f.Value)
			return e
		}
	}
	j.sources, j.swapped = map[string]Source{}, map[string]bool{}
	if r.Changed {
		j.byID = map[string][]Source{}
	}
	for _, s := range r.Sources {
		if s.Bundle == nil || s.Err != nil {
			continue
		}
		man, err := manifest.Parse(bundle.ManifestName, s.Bundle.Manifest())
		if err != nil {
			continue
		}
		libraries, err := adopt(man, s.Libraries)
		if err != nil {
			continue
		}
		j.sources[identity(s.Bundle, libraries)] = s
		if r.Changed {
			j.byID[man.ID] = append(j.byID[man.ID], s)
		}
	}
	if j.next, err = j.from.Next(); err != nil {
		return err
	}
	if j.next.Kind != recording.Open {
		return &ReplayError{Field: "frame", Err: fmt.Errorf("it begins with a frame of the kind %q", j.next.Kind)}
	}
	return nil
}

// whereTheyDiffer cuts two texts to where they begin to differ.
func whereTheyDiffer(a, b string) (string, string) {
	const before, most = 40, 200
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	cut := func(s string) string {
		if same > 2*before {
			s = "..." + s[same-before:]
		}
		return escape(clip(s, most))
	}
	return cut(a), cut(b)
}

// peek returns what the recording has next. The errors: [ErrReplayed], and those of
// package recording.
func (j *journal) peek() (*recording.Frame, error) {
	if j.failed != nil {
		return nil, j.failed
	}
	for j.next == nil || j.next.Kind == recording.Close {
		f, err := j.from.Next()
		if err == io.EOF {
			j.mu.Lock()
			j.done.Over = true
			j.mu.Unlock()
			err = ErrReplayed
		}
		if err != nil {
			j.failed = err
			return nil, err
		}
		j.next = f
	}
	return j.next, nil
}

// catchUp does what the recording has before its next tick. Then, for a tick, the
// error is nil if there is one.
func (j *journal) catchUp(ctx context.Context, kind recording.Kind) error {
	if !j.replays() {
		return nil
	}
	for {
		f, err := j.peek()
		switch {
		case kind == recording.Stop && (err != nil || f.Kind == recording.Tick):
			return nil // it stops before the recording does
		case err != nil:
			return err
		case f.Kind == recording.Save:
			err = j.host.saveGame(ctx, io.Discard)
		case f.Kind == recording.Restore:
			_, err = j.host.restoreGame(ctx, bytes.NewReader(f.Data))
		case f.Kind == kind:
			return nil
		case f.Kind == recording.Stop:
			return ErrReplayed
		default:
			j.failed = &ReplayError{Field: "frame", Err: fmt.Errorf("a frame of the kind %q in the middle", f.Kind)}
		}
		// What else failed did so when it was recorded, too.
		if diverged, ok := errors.AsType[*DivergenceError](err); ok {
			return diverged
		}
		if j.next == f { // it could not be begun
			j.failed = cmp.Or(j.failed, error(&ReplayError{Field: "frame", Err: err}))
		}
	}
}

// repeat is begin of a replay.
func (j *journal) repeat(kind recording.Kind) ([]input, error) {
	h := j.host
	j.hear(h.take())
	if j.failed != nil || j.next == nil || j.next.Kind != kind {
		if kind == recording.Stop {
			return nil, nil
		}
		return nil, errors.Join(j.failed, ErrReplays)
	}
	if kind == recording.Tick {
		if j.next.DT < 0 || j.next.DT > MaxTick {
			j.failed = &TickError{DT: j.next.DT}
			return nil, j.failed
		}
		h.dt, h.wall = j.next.DT, j.next.Wall
	}
	j.start(kind)
	var inputs []input
	for i := range j.frame.Inputs {
		in, err := j.input(&j.frame.Inputs[i])
		if err != nil {
			j.failed, j.frame = err, nil
			return nil, err
		}
		if in != nil {
			inputs = append(inputs, in)
		}
	}
	return inputs, nil
}

// hear keeps what was said to the host until the recording has it. What comes from the
// host itself is the recording's business.
func (j *journal) hear(inputs []input) {
	for _, in := range inputs {
		if _, ok := j.describe(in, nil); ok {
			j.said = append(j.said, in)
		}
	}
	for len(j.said) > saidMost {
		failInput(j.said[0], ErrReplays)
		j.said = slices.Delete(j.said, 0, 1)
	}
}

// failInput gives up what was said to a host.
func failInput(in input, err error) {
	if c, ok := in.(interface{ fail(error) }); ok {
		c.fail(err)
	}
}

// input returns the input that the recording has: what was said to the host, if it is
// the same, or else one that is made from the recording. Nil is none.
func (j *journal) input(r *recording.Input) (input, error) {
	switch r.Kind {
	case recording.Answer:
		w := &j.host.works
		i := slices.IndexFunc(w.waiting, func(a *answer) bool { return a.in.mod.id == r.Mod && a.number == r.Number })
		if i < 0 {
			j.diverged(&DivergenceError{Mod: r.Mod, What: "answer of a work", Want: fmt.Sprintf("that of number %d", r.Number), Got: "nothing that waits for it"})
			return nil, nil
		}
		a := w.waiting[i]
		w.waiting = slices.Delete(w.waiting, i, i+1)
		a.values, a.err = answerOf(r)
		return a, nil
	case recording.Awake:
		var waits *job
		if m := j.host.Mod(r.Mod); m != nil {
			waits = m.parkedJob(func(job *job) bool { return job.wait == r.Number })
		}
		if waits == nil {
			j.diverged(&DivergenceError{Mod: r.Mod, What: "call that waits", Want: fmt.Sprintf("number %d", r.Number), Got: "none of this number"})
			return nil, nil
		}
		return &awakeInput{r, waits}, nil
	}
	if in := j.heard(r); in != nil {
		return in, nil
	}
	if err := j.say(r); err != nil {
		return nil, err
	}
	j.hear(j.host.take())
	if in := j.heard(r); in != nil {
		return in, nil
	}
	return nil, &ReplayError{Field: "input", Mod: r.Mod, Err: errors.New("it cannot be repeated")}
}

// heard takes the first of what was said that is what the recording has.
func (j *journal) heard(r *recording.Input) input {
	for i, in := range j.said {
		have, _ := j.describe(in, nil)
		if !j.same(r, &have) {
			continue
		}
		j.said = slices.Delete(j.said, i, i+1)
		return in
	}
	return nil
}

// same reports whether two inputs are the same, and notes which mods are not.
func (j *journal) same(want, have *recording.Input) bool {
	if reflect.DeepEqual(want, have) {
		return true
	}
	if j.byID == nil || want.Kind != have.Kind || len(want.Mods) == 0 || len(want.Mods) != len(have.Mods) {
		return false
	}
	for i := range want.Mods {
		if want.Mods[i].ID != have.Mods[i].ID {
			return false
		}
	}
	for i := range want.Mods {
		if want.Mods[i].Digest != have.Mods[i].Digest {
			j.swapped[want.Mods[i].ID] = true
		}
	}
	return true
}

// source finds the mod that the recording was made with.
func (j *journal) source(want recording.Bundle) (Source, error) {
	if s, ok := j.sources[want.Digest]; ok {
		return s, nil
	}
	if all := j.byID[want.ID]; len(all) > 0 {
		return all[0], nil
	}
	e := &ReplayError{Field: "mod", Mod: want.ID, Want: fmt.Sprintf("version %s, %s", shown(want.Version), shown(want.Digest)), Have: "does not have it"}
	have := func(b recording.Bundle) {
		if b.ID == want.ID {
			e.Have = fmt.Sprintf("version %s, %s", b.Version, b.Digest)
		}
	}
	for _, digest := range sortedNames(j.sources) {
		if man, err := manifest.Parse(bundle.ManifestName, j.sources[digest].Bundle.Manifest()); err == nil && man.ID == want.ID {
			have(recording.Bundle{ID: man.ID, Version: man.Version.String(), Digest: digest})
		}
	}
	for _, in := range j.said {
		if r, ok := j.describe(in, nil); ok {
			for _, b := range r.Mods {
				have(b)
			}
		}
	}
	return Source{}, e
}

// Replayed returns what a host that replays has compared, up to the end of the last
// tick.
func (h *Host) Replayed() Replayed {
	j := h.journal
	if j == nil {
		return Replayed{}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.done
}
