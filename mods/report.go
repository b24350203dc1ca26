package mods

import "encoding/json"

// State is how far a mod has come.
type State string

// The states of a mod.
const (
	Loaded      State = "loaded"      // accepted; nothing of it has run yet
	Running     State = "running"     // its main file has run, and its hooks are called
	Stopped     State = "stopped"     // ended well
	Quarantined State = "quarantined" // hit a limit or failed; nothing of it runs any more
	Refused     State = "refused"     // never ran
)

// ViolationKind is what a mod did.
type ViolationKind string

// The kinds of violations.
const (
	LimitViolation    ViolationKind = "limit"    // passed a limit: quarantined at once
	ErrorViolation    ViolationKind = "error"    // raised an error that nothing in it caught
	SyntaxViolation   ViolationKind = "syntax"   // its main file is not Lua
	HookViolation     ViolationKind = "hook"     // its main file does not return hooks
	FloodViolation    ViolationKind = "flood"    // sent more events than are kept
	DeadlineViolation ViolationKind = "deadline" // was running when the deadline of the caller's context passed
	InternalViolation ViolationKind = "internal" // made the sandbox fail: a bug of ours
)

// Violation is one thing that a mod did wrong. Its texts are escaped: what a
// mod puts in an error message cannot forge a line.
type Violation struct {
	Kind      ViolationKind `json:"kind"`
	Limit     string        `json:"limit,omitempty"` // the limit's name, as "instructions"
	During    string        `json:"during"`          // "main.lua", "tick hook", "event chat", "timer 3"
	Message   string        `json:"message"`
	Tick      int64         `json:"tick"`                // 0 is the start
	Traceback string        `json:"traceback,omitempty"` // lines; show them indented
}

// Report is what a host knows of a mod. But for WallMS it is the same on every
// run that gets the same inputs. Its size is bounded.
type Report struct {
	ID      string `json:"id"` // empty if the manifest could not be read
	Version string `json:"version"`
	Name    string `json:"name"`
	Source  string `json:"source"` // as given to Host.Add, escaped
	State   State  `json:"state"`
	Reason  string `json:"reason"` // in words; empty while all is well

	Instructions    int64   `json:"instructions"`
	MemoryBytes     int64   `json:"memory_bytes"`
	MemoryPeakBytes int64   `json:"memory_peak_bytes"`
	AllocatedBytes  int64   `json:"allocated_bytes"`
	Calls           int64   `json:"calls"` // into the mod
	HostCalls       int64   `json:"host_calls"`
	OutputBytes     int64   `json:"output_bytes"`
	LogLines        int64   `json:"log_lines"`
	LogDropped      int64   `json:"log_dropped"`    // lines beyond what is taken in a tick
	EventsDropped   int64   `json:"events_dropped"` // that it was too slow to receive
	WallMS          float64 `json:"wall_ms"`

	Violations        []Violation `json:"violations"`         // the first ones
	ViolationsOmitted int64       `json:"violations_omitted"` // those after
}

// MarshalJSON writes an empty list of violations as [], whoever made the
// report.
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
