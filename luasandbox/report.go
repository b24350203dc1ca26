package luasandbox

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/luasandbox/modrunner/limits"
)

// Usage is what a sandbox, or one call in it, has used. All figures but Wall are
// the same on every run that gets the same inputs.
type Usage struct {
	Calls        int64         `json:"calls"`             // begun, without those inside host functions
	Instructions int64         `json:"instructions"`      // with the price of library and host work; of a call, without making its stack and its arguments
	Memory       int64         `json:"memory_bytes"`      // held, with what became garbage since the last census: an upper bound of what is live
	MemoryPeak   int64         `json:"memory_peak_bytes"` // the most of Memory at the end of a call and of what a census found live
	Allocated    int64         `json:"allocated_bytes"`   // ever charged
	HostCalls    int64         `json:"host_calls"`
	Output       int64         `json:"output_bytes"`
	Wall         time.Duration `json:"wall_ns"` // inside the machine: without what waits between steps
}

// Report is a record of a sandbox for operators, of bounded size. Encoded as JSON
// it is the same on every run that gets the same inputs, but for wall times. Names
// and numbers are the host's; Message and Traceback are the script's text, cut to a
// bounded length and not escaped.
type Report struct {
	Name       string        `json:"name"`
	State      string        `json:"state"`      // "open", "closed", or "dead" after an *InternalError
	Limits     limits.Limits `json:"limits"`     // in force, with defaults filled in
	Grants     []string      `json:"grants"`     // names
	Usage      Usage         `json:"usage"`      // as Sandbox.Usage
	Last       Usage         `json:"last_call"`  // as Sandbox.LastCall
	Unfinished int           `json:"unfinished"` // tasks
	Calls      []CallRecord  `json:"calls"`      // in the order of first use
	Violations []Violation   `json:"violations"` // one for each limit that was hit
	Errors     []ErrorRecord `json:"errors"`     // the last ones, oldest first
	Earlier    int64         `json:"earlier"`    // errors before those
}

// CallRecord adds up the calls of one function by the host.
type CallRecord struct {
	Function     string        `json:"function"` // its path, a program's name, or "(function)"
	Count        int64         `json:"count"`    // ended, in whatever way
	Failed       int64         `json:"failed"`
	Abandoned    int64         `json:"abandoned"`
	Instructions int64         `json:"instructions"`
	Wall         time.Duration `json:"wall_ns"`
}

// Violation is a limit that calls ended at. A limit that the script caught (a stack
// overflow, a string too long) is not one.
type Violation struct {
	Limit    limits.Kind `json:"limit"`
	Count    int64       `json:"count"`
	Function string      `json:"function"` // of the last call that hit it
	Used     int64       `json:"used"`     // at that time
	Max      int64       `json:"max"`
}

// ErrorRecord is an error that the host was given.
type ErrorRecord struct {
	Call      int64  `json:"call"` // how many calls had been begun
	Function  string `json:"function"`
	Kind      string `json:"kind"` // "script", "limit", "cancelled", "host", "internal", "use"
	Message   string `json:"message"`
	Traceback string `json:"traceback,omitempty"`
	Chunk     string `json:"chunk,omitempty"`
	Line      int    `json:"line,omitempty"`
	ID        string `json:"id,omitempty"` // of the record in the host's log
}

// The bounds of a report.
const (
	maxErrors    = 32
	maxFunctions = 64
	maxSearched  = 8       // functions among which one is found without an index
	maxMessage   = 1 << 10 // bytes
	maxTraceback = 4 << 10
	others       = "(others)" // functions beyond maxFunctions
)

// Usage returns what the sandbox has used in its life, up to the end of the last
// call or step. It may be called at any time from any goroutine.
func (s *Sandbox) Usage() Usage {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.report.Usage
}

// LastCall returns what the call that ended last has used. Memory and MemoryPeak are
// the sandbox's at its end. It may be called at any time from any goroutine.
func (s *Sandbox) LastCall() Usage {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.report.Last
}

// Traceback returns the script's stack as it was when the last call that failed was
// stopped, by an error or by a limit: which loop did not end. It is "" if no Lua code
// was running. The text is the script's: escape it before showing it. It may be called
// at any time from any goroutine.
func (s *Sandbox) Traceback() string {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.traceback
}

// Report returns the sandbox's record up to the end of the last call or step. It may
// be called at any time from any goroutine, also after [Sandbox.Close].
func (s *Sandbox) Report() Report {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	r := s.log.report
	r.Grants = append([]string{}, r.Grants...)
	r.Calls = append([]CallRecord{}, r.Calls...)
	r.Violations = append([]Violation{}, r.Violations...)
	r.Errors = append([]ErrorRecord{}, r.Errors...)
	return r
}

// journal keeps a sandbox's report up to date.
type journal struct {
	mu        sync.Mutex
	report    Report
	index     map[string]int // in report.Calls; nil while those are few
	traceback string         // of the last error
}

func (j *journal) open(cfg *Config, l limits.Limits) {
	j.report = Report{Name: cfg.Name, State: "open", Limits: l}
	for _, g := range cfg.Grants {
		j.report.Grants = append(j.report.Grants, g.Name())
	}
}

func (j *journal) setState(state string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.report.State = state
}

// began notes that a call of a function began.
func (j *journal) began() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.report.Usage.Calls++
}

// ended notes how a call ended; err is as the caller gets it.
func (j *journal) ended(t *Task, u Usage, results Results, abandoned bool, err error, traceback string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	t.usage, t.results = u, results
	c := j.function(t.name)
	c.Count++
	c.Instructions += u.Instructions
	c.Wall += u.Wall
	switch {
	case abandoned:
		c.Abandoned++
	case err != nil:
		c.Failed++
		j.note(t.name, err, traceback)
	}
	j.report.Usage.MemoryPeak = max(j.report.Usage.MemoryPeak, u.MemoryPeak)
	j.report.Last = u
}

// refused notes an error of a call that did not begin.
func (j *journal) refused(function string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.note(function, err, "")
}

// function returns the record of a function's calls. Names that agree in the first
// maxMessage bytes are one function.
func (j *journal) function(name string) *CallRecord {
	name = cut(name, maxMessage)
	i, ok := j.find(name)
	if !ok && len(j.report.Calls) >= maxFunctions {
		name = others
		i, ok = j.find(name)
	}
	if !ok {
		i = len(j.report.Calls)
		j.report.Calls = append(j.report.Calls, CallRecord{Function: strings.Clone(name)})
		j.enter(i)
	}
	return &j.report.Calls[i]
}

// find returns the index in report.Calls of the function called name.
func (j *journal) find(name string) (i int, ok bool) {
	if j.index != nil {
		i, ok = j.index[name]
		return i, ok
	}
	i = slices.IndexFunc(j.report.Calls, func(c CallRecord) bool { return c.Function == name })
	return i, i >= 0
}

// enter makes find know the last record, whose index is i.
func (j *journal) enter(i int) {
	switch {
	case j.index != nil:
		j.index[j.report.Calls[i].Function] = i
	case i >= maxSearched:
		j.index = make(map[string]int, 2*maxSearched)
		for i, c := range j.report.Calls {
			j.index[c.Function] = i
		}
	}
}

func (j *journal) note(function string, err error, traceback string) {
	r := &j.report
	j.traceback = strings.Clone(traceback)
	e := ErrorRecord{Call: r.Usage.Calls, Function: clip(function, maxMessage), Kind: "use", Message: clip(err.Error(), maxMessage), Traceback: clip(traceback, maxTraceback)}
	var (
		script    *ScriptError
		limit     *limits.Error
		cancelled *limits.CancelledError
		host      *HostError
		internal  *InternalError
	)
	switch {
	case errors.As(err, &script):
		e.Kind = "script"
		e.Chunk, e.Line = clip(script.Chunk, maxMessage), script.Line
		if errors.As(err, &host) {
			e.Kind, e.ID = "host", host.ID
		}
	case errors.As(err, &limit):
		e.Kind = "limit"
	case errors.As(err, &cancelled):
		e.Kind = "cancelled"
	case errors.As(err, &internal):
		e.Kind, e.ID = "internal", internal.ID
	}
	if errors.As(err, &limit) {
		j.violated(function, limit)
	}
	if len(r.Errors) == maxErrors {
		copy(r.Errors, r.Errors[1:])
		r.Errors = r.Errors[:maxErrors-1]
		r.Earlier++
	}
	r.Errors = append(r.Errors, e)
}

func (j *journal) violated(function string, e *limits.Error) {
	r := &j.report
	at := -1
	for i := range r.Violations {
		if r.Violations[i].Limit == e.Kind {
			at = i
		}
	}
	if at < 0 {
		at = len(r.Violations)
		r.Violations = append(r.Violations, Violation{Limit: e.Kind})
	}
	v := &r.Violations[at]
	v.Count++
	v.Function, v.Used, v.Max = clip(function, maxMessage), e.Used, e.Max
}

// publish notes the account's figures, and those of the task that was stepped, for
// those who ask while the sandbox is busy.
func (s *Sandbox) publish() {
	instructions, output, hostCalls := s.spent()
	j := &s.log
	j.mu.Lock()
	defer j.mu.Unlock()
	if t := s.stepped; t != nil {
		t.usage = t.measure()
	}
	s.stepped = nil
	u := &j.report.Usage
	u.Instructions, u.Output, u.HostCalls = instructions, output, hostCalls
	u.Memory = s.m.Memory()
	u.MemoryPeak = max(u.MemoryPeak, s.m.Peak())
	u.Allocated = s.m.Allocated()
	u.Wall = s.wall
	j.report.Unfinished = len(s.tasks)
}

// clip cuts a text to n bytes, which it copies: a report does not hold on to a
// script's memory.
func clip(text string, n int) string {
	if len(text) > n {
		return cut(text, n)
	}
	return strings.Clone(text)
}

// cut cuts a text to n bytes; a shorter one it returns as it is.
func cut(text string, n int) string {
	if len(text) > n {
		return text[:n] + "…"
	}
	return text
}
