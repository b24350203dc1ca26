package mods

import (
	"errors"
	"fmt"

	"github.com/luasandbox/modrunner/mods/recording"
)

// Why a host that repeats a recording does not do what it is asked to.
var (
	// ErrReplays: what is said to the host is not what the recording has.
	ErrReplays = errors.New("the host repeats a recording, which does not have this")
	// ErrReplayed: the recording is over.
	ErrReplayed = errors.New("the recording is over")
)

// DivergenceError says where a replay first does something else than the recording.
type DivergenceError struct {
	Tick     int64
	Mod      string
	Function string // that was to be called, or was called; "" if no call differs
	Call     int64  // its number among the mod's calls in the tick, from 1
	Where    string // in the script, as "main.lua:12"; "" if unknown
	What     string // what differs, as "arguments or results"
	Want     string // in the recording
	Got      string // now

	number int // of the mod
}

// Error says what differs, and where.
func (e *DivergenceError) Error() string {
	text := fmt.Sprintf("the replay differs from the recording in tick %d: mod %q", e.Tick, e.Mod)
	if e.Call > 0 {
		text += fmt.Sprintf(", call %d: %s", e.Call, e.Function)
	}
	if e.Where != "" {
		text += " at " + e.Where
	}
	return fmt.Sprintf("%s: %s: recorded %s, now %s", text, e.What, e.Want, e.Got)
}

// ReplayError is a recording that this host cannot repeat, or not on.
type ReplayError struct {
	Field string // of Config, or what of the recording it is about: "mod", "frame"
	Mod   string // if it is about one
	Want  string // in the recording
	Have  string // here
	Err   error  // or else what is wrong
}

// Error says what does not fit.
func (e *ReplayError) Error() string {
	text := "replay: " + e.Field
	if e.Mod != "" {
		text += fmt.Sprintf(" %q", e.Mod)
	}
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", text, e.Err)
	}
	return fmt.Sprintf("%s: the recording has %s, this host %s", text, e.Want, e.Have)
}

// Unwrap returns what is wrong.
func (e *ReplayError) Unwrap() error { return e.Err }

// shownCall is a call in words.
func shownCall(c *recording.HostCall) string {
	text := c.Function
	switch {
	case c.Answer:
		text = "the answer of " + text
	case c.Later:
		text += ", which answers later,"
	}
	if c.Failed {
		text += ", which fails,"
	}
	return fmt.Sprintf("%s at %s after %d instructions", text, placeOf(c), c.Instructions)
}

func placeOf(c *recording.HostCall) string {
	if c.Chunk == "" {
		return "an unknown place"
	}
	return fmt.Sprintf("%s:%d", escape(c.Chunk), c.Line)
}

// compare holds a call against the one recorded.
func (j *journal) compare(p *page, made *recording.HostCall) *DivergenceError {
	if p.want != nil && p.calls <= int64(len(p.want.Calls)) && p.want.Calls[p.calls-1] == *made {
		return nil
	}
	e := &DivergenceError{Tick: j.host.tick, Mod: p.mod.id, Function: made.Function, Call: p.calls, Where: placeOf(made), Got: shownCall(made)}
	if p.want == nil || p.calls > int64(len(p.want.Calls)) {
		e.What, e.Want = "call", "no call"
		return e
	}
	want := &p.want.Calls[p.calls-1]
	e.Want = shownCall(want)
	switch {
	case want.Function != made.Function || want.Later != made.Later || want.Answer != made.Answer:
		e.What = "call"
	case want.Digest != made.Digest || want.Failed != made.Failed:
		e.What = "arguments or results"
		e.Want, e.Got = fmt.Sprintf("%s (%08x)", e.Want, want.Digest), fmt.Sprintf("%s (%08x)", e.Got, made.Digest)
	case j.swapped[p.mod.id]:
		return nil
	case want.Chunk != made.Chunk || want.Line != made.Line:
		e.What = "place"
	case want.Instructions != made.Instructions:
		e.What = "instructions"
	default:
		return nil
	}
	return e
}

// judge compares what is known at the end of a frame.
func (j *journal) judge(f *recording.Frame) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if f.Kind == recording.Tick {
		j.done.Ticks++
	}
	j.done.Over = f.Kind == recording.Stop
	listed := map[string]*page{}
	for _, p := range j.pages {
		if p.close() || j.wants[p.mod.id] != nil {
			listed[p.mod.id] = p
		}
		j.done.Calls += p.calls
	}
	if j.blind {
		return nil
	}
	found := j.found
	for i := range f.Mods {
		if found != nil {
			break
		}
		found = j.judgeMod(&f.Mods[i], listed[f.Mods[i].ID])
	}
	for _, p := range j.pages {
		if found == nil && p.want == nil && listed[p.mod.id] != nil && !j.swapped[p.mod.id] {
			found = &DivergenceError{Mod: p.mod.id, What: "what ran", Want: "nothing of it", Got: "something of it"}
		}
	}
	if found == nil && j.stored < len(f.Store) {
		found = &DivergenceError{Mod: f.Store[j.stored].Mod, What: "use of the store", Want: "one more", Got: "none"}
	}
	if found == nil {
		return nil
	}
	found.Tick = j.host.tick
	j.blind = true
	return found
}

// judgeMod compares what a mod did in a frame.
func (j *journal) judgeMod(want *recording.Mod, p *page) *DivergenceError {
	e := &DivergenceError{Mod: want.ID}
	made := int64(0)
	if p != nil {
		made = p.calls
	}
	if made < int64(len(want.Calls)) {
		c := &want.Calls[made]
		e.Function, e.Call, e.Where = c.Function, made+1, placeOf(c)
		e.What, e.Want, e.Got = "call", shownCall(c), "no call"
		return e
	}
	if p == nil {
		e.What, e.Want, e.Got = "what ran", "something of it", "nothing of it"
		return e
	}
	if j.swapped[want.ID] {
		return nil
	}
	differs := func(what string, want, got any) bool {
		e.What, e.Want, e.Got = what, fmt.Sprint(want), fmt.Sprint(got)
		return want != got
	}
	got := &p.done
	if differs(fmt.Sprintf("calls after the first %d", recording.MaxCalls), want.More, got.More) ||
		differs(fmt.Sprintf("hash of the calls after the first %d", recording.MaxCalls), want.MoreDigest, got.MoreDigest) ||
		differs("instructions", want.Instructions, got.Instructions) ||
		differs("bytes of memory", want.Memory, got.Memory) ||
		differs("hash of output, violations and other figures", want.State, got.State) {
		return e
	}
	return nil
}

// diverged notes something else than a call that is not as recorded. It may be called
// during a frame.
func (j *journal) diverged(e *DivergenceError) {
	e.Tick = j.host.tick
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.found == nil && !j.blind {
		j.found = e
	}
}
