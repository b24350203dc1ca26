package mods

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/luasandbox/modrunner/mods/health"
)

// State is how a mod is: that of its health, or Stopped, Refused or Unloaded.
type State = health.State

// The states of a mod. How one becomes another is drawn in package health.
const (
	Loaded      = health.Loaded      // accepted; its main file has not run to its end
	Active      = health.Active      // runs
	Paused      = health.Paused      // a handler goes on in the next frame; or it waits for a mod that it needs
	Throttled   = health.Throttled   // runs with less than its share
	Failing     = health.Failing     // runs, and is near its quarantine
	Quarantined = health.Quarantined // stopped for some time, for what it did
	Disabled    = health.Disabled    // stopped for good

	Stopped  State = "stopped"  // ended well
	Refused  State = "refused"  // never ran
	Unloaded State = "unloaded" // taken away
)

// ViolationKind is what a mod did.
type ViolationKind string

// The kinds of violations.
const (
	LimitViolation    ViolationKind = "limit"    // passed a limit: quarantined at once
	ErrorViolation    ViolationKind = "error"    // raised an error that nothing in it caught
	SyntaxViolation   ViolationKind = "syntax"   // its main file is not Lua
	HookViolation     ViolationKind = "hook"     // its main file does not return hooks
	FloodViolation    ViolationKind = "flood"    // sent more events than are taken in a tick
	HostViolation     ViolationKind = "host"     // a function of the engine's failed: not its fault, and not counted
	InternalViolation ViolationKind = "internal" // made the sandbox fail: a bug of ours
)

// Violation is one thing that a mod did wrong. Its texts are escaped: what a mod
// puts in an error message cannot forge a line.
type Violation struct {
	Kind      ViolationKind `json:"kind"`
	Limit     string        `json:"limit,omitempty"` // the limit's name, as "instructions",
	Used      int64         `json:"used,omitempty"`  // how much was used of it
	Max       int64         `json:"max,omitempty"`   // and how much there was
	During    string        `json:"during"`          // "main.lua", "tick hook", "event chat", "timer 3"
	Where     string        `json:"where,omitempty"` // "main.lua:12", the innermost line that is known
	Message   string        `json:"message"`
	Tick      int64         `json:"tick"`
	Time      time.Duration `json:"time_ns"`             // of the simulation
	Traceback string        `json:"traceback,omitempty"` // lines; show them indented
}

// Report is what a host knows of a mod. But for WallMS it is the same on every run
// that gets the same inputs. Its size is bounded.
type Report struct {
	ID      string `json:"id"` // empty if the manifest could not be read
	Version string `json:"version"`
	Name    string `json:"name"`
	Digest  string `json:"digest"` // of its files
	Source  string `json:"source"` // as given to Host.Load, escaped
	State   State  `json:"state"`
	Reason  string `json:"reason"` // in words; empty while all is well

	Libraries []LibraryReport `json:"libraries,omitempty"` // that were copied into it
	Warnings  []string        `json:"warnings,omitempty"`  // what is known against it, such as advisories

	Health health.Status `json:"health"`
	Share  float64       `json:"share"` // of what it would have if it were not throttled

	Waiting int `json:"waiting"` // jobs: events, timers, calls
	Parked  int `json:"parked"`  // jobs that wait for an answer

	Instructions    int64   `json:"instructions"`
	MemoryBytes     int64   `json:"memory_bytes"` // held now; after Stop, when it ended
	MemoryPeakBytes int64   `json:"memory_peak_bytes"`
	AllocatedBytes  int64   `json:"allocated_bytes"`
	Calls           int64   `json:"calls"` // into the mod
	HostCalls       int64   `json:"host_calls"`
	OutputBytes     int64   `json:"output_bytes"`
	LogLines        int64   `json:"log_lines"`
	LogDropped      int64   `json:"log_dropped"`    // lines beyond what is taken in a tick
	EventsDropped   int64   `json:"events_dropped"` // that it was too slow to receive
	WallMS          float64 `json:"wall_ms"`

	Quarantines       int64       `json:"quarantines"` // ever
	ViolationCount    int64       `json:"violation_count"`
	Violations        []Violation `json:"violations"`         // the first ones, and the last one
	ViolationsOmitted int64       `json:"violations_omitted"` // those between
}

// LibraryReport is a library in a mod.
type LibraryReport struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
}

// describe puts into the report what its edition says. It is called with m.mu held, or
// before others know of m.
func (m *Mod) describe() {
	e, r := m.edition, &m.report
	r.ID, r.Version, r.Name, r.Digest = m.id, e.manifest.Version.String(), e.manifest.Name, e.bundle.Digest()
	r.Libraries, r.Warnings = nil, nil
	for _, l := range e.libraries {
		r.Libraries = append(r.Libraries, LibraryReport{l.manifest.ID, l.manifest.Version.String(), l.bundle.Digest()})
	}
	for _, w := range e.decision.Warnings {
		r.Warnings = append(r.Warnings, firstLine(w))
	}
}

// MarshalJSON writes an empty list of violations as [], whoever made the report.
func (r Report) MarshalJSON() ([]byte, error) {
	type plain Report
	if r.Violations == nil {
		r.Violations = []Violation{}
	}
	return json.Marshal(plain(r))
}

const (
	maxViolations = 20
	maxMessage    = 1 << 10
	maxTraceback  = 4 << 10
)

// Report returns what the host knows of the mod, up to the end of the last tick in
// which something of it ran.
func (m *Mod) Report() Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.report
	r.Violations = slices.Clone(r.Violations)
	return r
}

// Status is a host as it was at the end of its last tick.
type Status struct {
	Tick   int64         `json:"tick"`
	Time   time.Duration `json:"time_ns"` // of the simulation
	Closed bool          `json:"closed"`

	Budget     int64         `json:"budget"`     // instructions of the next frame: less than configured after frames that the guard ended
	Configured int64         `json:"configured"` // Config.Frame.Instructions
	Used       int64         `json:"used"`       // in the last frame
	Wall       time.Duration `json:"wall_ns"`    // of the last frame
	Cut        bool          `json:"cut"`        // the guard ended the last frame
	Waiting    int           `json:"waiting"`    // mods with something left to do
	Works      int           `json:"works"`      // that capabilities do beside the frames

	Mods []Report `json:"mods"`
}

// Status returns how the host and its mods are.
func (h *Host) Status() Status {
	h.mu.Lock()
	s, mods := h.status, slices.Clone(h.mods)
	s.Closed = errors.Is(h.closed, ErrClosed)
	h.mu.Unlock()
	s.Mods = make([]Report, len(mods))
	for i, m := range mods {
		s.Mods[i] = m.Report()
	}
	return s
}

// publish makes what is known now the status.
func (h *Host) publish() {
	s := Status{
		Tick: h.tick, Time: h.now,
		Budget: h.scheduler.Budget(), Configured: h.cfg.Frame.Instructions,
		Used: h.frame.Used, Wall: h.frame.Wall, Cut: h.frame.Cut, Waiting: h.frame.Waiting,
		Works: h.works.left(),
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = s
}
