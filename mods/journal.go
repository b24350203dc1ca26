package mods

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/recording"
	"github.com/luasandbox/modrunner/mods/schedule"
)

// Replay says what a host repeats, in place of living.
//
// A host with a recording is driven by [Host.Tick] and [Host.Stop] as any other; what
// comes from outside is taken from the recording: the length of each tick and the time
// of day, loads, events, calls, the answers of works, which are not run, what the store
// had and how its saves went, saved games, and after how many slices the guard ended a
// frame. Tick first does what the recording has before its next tick, such as a Save.
// The store is neither opened nor written to. The functions of the engine's
// capabilities are called, and have to do the same again. One that answers with a
// Pending of its own, not of [Grantee.Later], gets the recorded answer if that consists
// of plain values; that it is not there before the function returns, in one run and not
// in the other, is for the engine to see to.
//
// What is said to the host meanwhile (Emit, Call, Load and the like) has no effect of
// its own. Where the recording has the same at that time, or later, it is taken for
// that, and a Reply becomes what the mods make of it; the Replies of all else are
// [ErrReplays], as are the errors of [Host.Save] and [Host.Restore].
//
// Mods come from the engine's own Loads and Reloads, if these have the same mods
// together, or else from Sources.
type Replay struct {
	Recording io.Reader
	Sources   []Source // by their digests; those without a Bundle are left out
	// Changed accepts mods whose files are not those of the recording. Of them only
	// what they call, with which arguments and results, is compared; a function that is
	// passed counts as its place in the script.
	Changed bool
}

// Replayed is what a replay has compared.
type Replayed struct {
	Ticks int64
	Calls int64 // of functions of capabilities
	Over  bool  // the recording was read to its end
}

// journal records a run, or repeats one. A nil journal does neither. Its methods
// belong to who is in the frame, but for call, ran and print.
type journal struct {
	host *Host
	to   *recording.Writer // nil: nothing is recorded
	from *recording.Reader // nil: nothing is repeated
	lost bool              // an error of to was told

	// Of the frame under way.
	frame  *recording.Frame // nil between frames, and where nothing is compared
	seq    int64            // its number
	looks  int64            // whether it has to stop
	stored int              // answers of the store that were used
	wants  map[string]*recording.Mod
	mu     sync.Mutex // guards what follows
	pages  []*page    // of mods of which something ran
	found  *DivergenceError

	given map[*luasandbox.Pending]bool // by an answer that was recorded in the last frame

	// Of a replay.
	sources map[string]Source   // by digest
	byID    map[string][]Source // if they may be changed
	swapped map[string]bool     // mods that are not those of the recording
	next    *recording.Frame    // read ahead
	said    []input             // by the engine, and not yet found in the recording
	failed  error               // why it does not go on
	blind   bool                // it has diverged: nothing is compared any more
	done    Replayed
}

// newJournal returns what the configuration asks for.
func newJournal(h *Host) (*journal, error) {
	j := &journal{host: h}
	switch {
	case h.cfg.Record != nil && h.cfg.Replay != nil:
		return nil, &ConfigError{Field: "Replay", Err: errors.New("what is repeated is not recorded: want either Record or Replay")}
	case h.cfg.Record != nil:
		j.to = recording.NewWriter(h.cfg.Record, h.header())
	case h.cfg.Replay != nil:
		if err := j.open(h.cfg.Replay); err != nil {
			return nil, err
		}
	default:
		return nil, nil
	}
	j.start(recording.Open)
	return j, nil
}

func (j *journal) replays() bool { return j != nil && j.from != nil }
func (j *journal) records() bool { return j != nil && j.to != nil }
func (j *journal) watches() bool { return j != nil }

// start begins a frame that is recorded, or compared: in a replay the one that was
// read ahead.
func (j *journal) start(kind recording.Kind) {
	j.seq++
	j.looks, j.stored, j.pages, j.found = 0, 0, nil, nil
	if j.to != nil {
		j.frame = &recording.Frame{Kind: kind}
		return
	}
	j.frame, j.next = j.next, nil
	if j.blind || j.frame == nil {
		return
	}
	j.wants = map[string]*recording.Mod{}
	for i := range j.frame.Mods {
		m := &j.frame.Mods[i]
		j.wants[m.ID] = m
	}
}

// begin begins a frame: it sets the host's clock, and returns what was said to the
// host. An error means that there is no frame.
func (j *journal) begin(kind recording.Kind, h *Host, dt time.Duration) ([]input, error) {
	if j.replays() {
		return j.repeat(kind)
	}
	inputs := h.said(kind)
	if kind == recording.Tick {
		h.dt, h.wall = dt, h.cfg.Now()
	}
	if j == nil {
		return inputs, nil
	}
	j.start(kind)
	j.frame.DT, j.frame.Wall = dt, h.wall
	given := j.given
	j.given = nil
	for _, in := range inputs {
		if r, ok := j.describe(in, given); ok {
			j.frame.Inputs = append(j.frame.Inputs, r)
		}
	}
	return inputs, nil
}

// said takes from the inbox what a frame of a kind is for.
func (h *Host) said(kind recording.Kind) []input {
	switch kind {
	case recording.Tick, recording.Stop:
		return h.take()
	case recording.Restore:
		return h.takeLoads()
	}
	return nil
}

// stops decides whether a frame ends early, for which the host has a reason of its
// own.
func (j *journal) stops(real bool) bool {
	if j == nil || j.frame == nil {
		return real
	}
	j.looks++
	f := j.frame
	switch {
	case j.to != nil && real && f.End == recording.Whole:
		f.End, f.Slices = recording.Stopped, j.looks
	case j.to != nil:
	case real:
		j.blind = true
		j.failed = cmp.Or(j.failed, error(&ReplayError{Field: "frame", Err: errors.New("the replay was ended in the middle of a frame")}))
	default:
		return f.End == recording.Stopped && j.looks >= f.Slices
	}
	return real
}

// run lets mods have their frame.
func (j *journal) run(s *schedule.Scheduler) schedule.Report {
	switch {
	case j == nil:
		return s.Frame()
	case j.to != nil:
		r := s.Frame()
		if r.Cut {
			j.frame.End, j.frame.Slices = recording.Cut, r.Slices
		}
		return r
	case j.frame != nil && j.frame.End == recording.Cut:
		return s.FrameUntil(j.frame.Slices)
	}
	return s.FrameUntil(0)
}

// end ends a frame. The error is a *DivergenceError.
func (j *journal) end() error {
	if j == nil || j.frame == nil {
		return nil
	}
	f := j.frame
	slices.SortFunc(j.pages, func(a, b *page) int { return cmp.Compare(a.mod.number, b.mod.number) })
	var err error
	if j.to != nil {
		j.write(f)
	} else {
		err = j.judge(f)
	}
	j.frame, j.wants = nil, nil
	return err
}

// write writes a frame. That the recording cannot be written is told once; the game
// goes on without.
func (j *journal) write(f *recording.Frame) {
	for _, p := range j.pages {
		if p.close() {
			f.Mods = append(f.Mods, p.done)
		}
	}
	if err := j.to.Frame(f); err != nil && !j.lost {
		j.lost = true
		j.host.cfg.Logger.Error("the run is not recorded any more", "error", err)
	}
	for _, p := range j.pages {
		if cap(p.done.Calls) > 1024 {
			p.done.Calls = nil // else it is used again
		}
	}
}

// restores notes the saved game that is restored.
func (j *journal) restores(text []byte) {
	if j.records() {
		j.frame.Data = text
	}
}

// unheard returns what was said to a host that replays and was not found in the
// recording.
func (j *journal) unheard() []input {
	if j == nil {
		return nil
	}
	said := j.said
	j.said = nil
	return said
}

// close ends the recording. The error is why it has no end.
func (j *journal) close() error {
	if !j.records() {
		return nil
	}
	return j.to.Frame(&recording.Frame{Kind: recording.Close})
}

// page is what one mod does in a frame.
type page struct {
	mod    *Mod
	seq    int64 // of the frame
	done   recording.Mod
	want   *recording.Mod   // in a replay, if it has to run at all
	calls  int64            // so far
	differ *DivergenceError // the first call that is not the one recorded

	// From frame to frame.
	listed     recording.Mod // as it was listed last
	printed    uint64        // a hash of what it printed
	violations uint64        // and of its violations,
	counted    int64         // of which there were so many
}

// page returns the page of a mod in the frame under way. It may be called where the
// mod runs.
func (j *journal) page(m *Mod) *page {
	if m.page == nil {
		m.page = &page{mod: m}
	}
	p := m.page
	if p.seq != j.seq {
		p.seq = j.seq
		p.done, p.want, p.calls, p.differ = recording.Mod{ID: m.id, Calls: p.done.Calls[:0]}, j.wants[m.id], 0, nil
		j.mu.Lock()
		j.pages = append(j.pages, p)
		j.mu.Unlock()
	}
	return p
}

// ran notes that something of a mod ran, or may have run.
func (j *journal) ran(m *Mod) {
	if j != nil && j.frame != nil {
		j.page(m)
	}
}

// print takes what a mod prints.
func (j *journal) print(m *Mod, line string) {
	if j != nil && j.frame != nil {
		p := j.page(m)
		p.printed = mixText(p.printed, line)
	}
}

// call takes a call of a function of the host's, where it was made.
func (j *journal) call(in *instance, c luasandbox.HostCall) {
	if j == nil {
		return
	}
	if c.Later && in.mod.current != nil {
		in.mod.current.pending = c.Pending
	}
	if j.frame == nil || j.blind {
		return
	}
	p := j.page(in.mod)
	p.calls++
	digest := c.Digest()
	chunk, line := c.Place()
	made := recording.HostCall{Function: c.Function, Digest: uint32(digest) ^ uint32(digest>>32), Instructions: c.Instructions,
		Chunk: clip(chunk, 256), Line: int32(line), Later: c.Later, Answer: c.Answer, Failed: c.Err != nil}
	switch {
	case p.calls > recording.MaxCalls:
		p.done.More++
		p.done.MoreDigest = mix(mixText(p.done.MoreDigest, made.Function), uint64(made.Digest)<<32^uint64(made.Instructions))
	case j.to != nil:
		p.done.Calls = append(p.done.Calls, made)
	case p.differ == nil:
		if p.differ = j.compare(p, &made); p.differ != nil {
			j.mu.Lock()
			defer j.mu.Unlock()
			if w := j.host.cfg.Frame.Workers; j.found == nil || w > 0 && in.mod.number < j.found.number {
				p.differ.number = in.mod.number
				j.found = p.differ
			}
		}
	}
}

// close computes a mod's figures. It reports whether they are worth a line.
func (p *page) close() bool {
	m := p.mod
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &m.report
	p.done.Instructions, p.done.Memory = r.Instructions, r.MemoryBytes
	if n := r.ViolationCount; n != p.counted && len(r.Violations) > 0 {
		p.counted = n
		v := r.Violations[len(r.Violations)-1]
		p.violations = mixText(p.violations, fmt.Sprintf("%+v", v))
	}
	state := mixText(mixText(0, string(r.State)), r.Reason)
	for _, n := range [...]int64{r.MemoryPeakBytes, r.AllocatedBytes, r.Calls, r.HostCalls, r.OutputBytes, r.LogLines, r.LogDropped,
		r.EventsDropped, r.Quarantines, r.ViolationCount, int64(r.Waiting), int64(r.Parked), int64(r.Share * 1e6)} {
		state = mix(state, uint64(n))
	}
	p.done.State = mix(mix(state, p.printed), p.violations)
	last := p.listed
	p.listed = recording.Mod{Instructions: p.done.Instructions, Memory: p.done.Memory, State: p.done.State}
	return p.calls > 0 || last.Instructions != p.done.Instructions || last.Memory != p.done.Memory || last.State != p.done.State
}

// mix adds a number to a hash that tells different histories apart. It is no guard
// against somebody who looks for two that are the same.
func mix(hash, n uint64) uint64 {
	hash = (hash ^ n) * 0x9e3779b97f4a7c15
	return hash ^ hash>>32
}

var mixTable = crc32.MakeTable(crc32.Castagnoli)

func mixText(hash uint64, s string) uint64 {
	return mix(mix(hash, uint64(len(s))), uint64(crc32.Checksum([]byte(s), mixTable)))
}
