package limits

import (
	"cmp"
	"errors"
	"math"
	"time"
)

// Unlimited is the one way to say "no limit" in an int64 field of [Limits].
const Unlimited = math.MaxInt64

// UnlimitedTime is the one way to say "no limit" in [Limits.Time].
const UnlimitedTime = time.Duration(math.MaxInt64)

// The value that a zero field of [Limits] stands for.
const (
	DefaultInstructions int64         = 100_000_000 // per call
	DefaultMemory       int64         = 64 << 20    // bytes live
	DefaultTime         time.Duration = 10 * time.Second
	DefaultDepth        int64         = 20_000 // LUAI_MAXCALLS in C Lua 5.1's luaconf.h
	DefaultCoroutines   int64         = 2_000
	DefaultOutput       int64         = 1 << 20   // bytes per call
	DefaultHostCalls    int64         = 1_000_000 // per call
	DefaultString       int64         = 16 << 20  // bytes
	DefaultSource       int64         = 1 << 20   // bytes
	DefaultNesting      int64         = 200       // LUAI_MAXCCALLS in C Lua 5.1's luaconf.h
)

// Limits says how much of each resource one sandbox may use. A zero field
// stands for its documented default, [Unlimited] and [UnlimitedTime] for no
// limit; a negative field is invalid. "Nothing at all" cannot be said here:
// what a mod must not do is not granted to it in the first place.
//
// Limits is a plain value: copy and compare it freely.
type Limits struct {
	Instructions int64         `json:"instructions"` // per call; default [DefaultInstructions]
	Memory       int64         `json:"memory"`       // live bytes; default [DefaultMemory]
	Time         time.Duration `json:"time_ns"`      // wall time per call; default [DefaultTime]
	Depth        int64         `json:"depth"`        // call frames; default [DefaultDepth]
	Coroutines   int64         `json:"coroutines"`   // alive at one time; default [DefaultCoroutines]
	Output       int64         `json:"output"`       // bytes written per call; default [DefaultOutput]
	HostCalls    int64         `json:"host_calls"`   // per call; default [DefaultHostCalls]
	String       int64         `json:"string"`       // bytes of one string; default [DefaultString]
	Source       int64         `json:"source"`       // bytes of one source text; default [DefaultSource]
	Nesting      int64         `json:"nesting"`      // levels of source nesting; default [DefaultNesting]
}

// Defaults returns the limits that the zero Limits stands for.
func Defaults() Limits { return Limits{}.WithDefaults() }

// None returns limits that limit nothing: the parent of a meter that only adds
// up, or a test's. It is not a sensible setting for code that is not trusted.
func None() Limits {
	var l Limits
	for _, k := range Kinds() {
		*l.field(k) = Unlimited
	}
	return l
}

// field returns the address of k's field, in k's unit (Time: nanoseconds), or
// nil for an invalid kind.
func (l *Limits) field(k Kind) *int64 {
	switch k {
	case Instructions:
		return &l.Instructions
	case Memory:
		return &l.Memory
	case Time:
		return (*int64)(&l.Time)
	case Depth:
		return &l.Depth
	case Coroutines:
		return &l.Coroutines
	case Output:
		return &l.Output
	case HostCalls:
		return &l.HostCalls
	case String:
		return &l.String
	case Source:
		return &l.Source
	case Nesting:
		return &l.Nesting
	}
	return nil
}

var defaults = Limits{
	Instructions: DefaultInstructions,
	Memory:       DefaultMemory,
	Time:         DefaultTime,
	Depth:        DefaultDepth,
	Coroutines:   DefaultCoroutines,
	Output:       DefaultOutput,
	HostCalls:    DefaultHostCalls,
	String:       DefaultString,
	Source:       DefaultSource,
	Nesting:      DefaultNesting,
}

// Of returns the field of kind k as it is written (Time in nanoseconds), and
// -1, which no limit admits, for an invalid kind.
func (l Limits) Of(k Kind) int64 {
	if f := l.field(k); f != nil {
		return *f
	}
	return -1
}

// With returns l with the field of kind k set to v (Time in nanoseconds). An
// invalid kind changes nothing.
func (l Limits) With(k Kind, v int64) Limits {
	if f := l.field(k); f != nil {
		*f = v
	}
	return l
}

// WithDefaults returns l with each zero field replaced by its default.
// Negative fields stay, for [Limits.Validate] to report.
func (l Limits) WithDefaults() Limits {
	l.Instructions = cmp.Or(l.Instructions, DefaultInstructions)
	l.Memory = cmp.Or(l.Memory, DefaultMemory)
	l.Time = cmp.Or(l.Time, DefaultTime)
	l.Depth = cmp.Or(l.Depth, DefaultDepth)
	l.Coroutines = cmp.Or(l.Coroutines, DefaultCoroutines)
	l.Output = cmp.Or(l.Output, DefaultOutput)
	l.HostCalls = cmp.Or(l.HostCalls, DefaultHostCalls)
	l.String = cmp.Or(l.String, DefaultString)
	l.Source = cmp.Or(l.Source, DefaultSource)
	l.Nesting = cmp.Or(l.Nesting, DefaultNesting)
	return l
}

// Validate returns nil, or one [*FieldError] for each negative field in
// the order of [Kinds], joined by [errors.Join].
func (l Limits) Validate() error {
	var errs []error
	for k := Kind(1); k <= lastKind; k++ {
		if v := *l.field(k); v < 0 {
			errs = append(errs, &FieldError{Kind: k, Value: v})
		}
	}
	return errors.Join(errs...)
}

// Intersect returns, field by field, the smaller of a and b after their
// defaults are filled in. No field of the result is above that field of
// a.WithDefaults() or b.WithDefaults(), so it can only tighten. Invalid
// (negative) fields stay negative.
func Intersect(a, b Limits) Limits {
	a, b = a.WithDefaults(), b.WithDefaults()
	a.Instructions = min(a.Instructions, b.Instructions)
	a.Memory = min(a.Memory, b.Memory)
	a.Time = min(a.Time, b.Time)
	a.Depth = min(a.Depth, b.Depth)
	a.Coroutines = min(a.Coroutines, b.Coroutines)
	a.Output = min(a.Output, b.Output)
	a.HostCalls = min(a.HostCalls, b.HostCalls)
	a.String = min(a.String, b.String)
	a.Source = min(a.Source, b.Source)
	a.Nesting = min(a.Nesting, b.Nesting)
	return a
}

// Or returns l with each field that is zero taken from other.
func (l Limits) Or(other Limits) Limits {
	for _, k := range Kinds() {
		if f := l.field(k); *f == 0 {
			*f = *other.field(k)
		}
	}
	return l
}

// Tighten is [Intersect] of l and by.
func (l Limits) Tighten(by Limits) Limits { return Intersect(l, by) }

// Check compares one thing of size n with the limit of kind k, for the kinds
// that are compared and not added up: Depth, String, Source, Nesting, Time (in
// nanoseconds). It returns nil, or an [*Error] that has n in Asked. A negative
// n, or n equal to [Unlimited] (what saturating arithmetic gives when a size
// cannot be expressed), fails whatever the limit; so does an invalid kind.
// Zero fields count as their defaults.
func (l Limits) Check(k Kind, n int64) error {
	f := l.field(k)
	if f == nil {
		return &Error{Kind: k, Asked: max(n, 0), Err: &MisuseError{Op: "Check", Kind: k, N: n}}
	}
	limit := *f
	if limit == 0 {
		limit = *defaults.field(k)
	}
	switch {
	case n < 0:
		return &Error{Kind: k, Max: max(limit, 0), Err: &MisuseError{Op: "Check", Kind: k, N: n}}
	case n > limit || n == Unlimited:
		return &Error{Kind: k, Max: max(limit, 0), Asked: n}
	}
	return nil
}
