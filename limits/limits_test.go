package limits_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"pgregory.net/rapid"
)

func TestKindNames(t *testing.T) {
	want := []string{"instructions", "memory", "time", "depth", "coroutines", "output", "host_calls", "string", "source", "nesting"}
	var got []string
	for _, k := range limits.Kinds() {
		got = append(got, k.String())
		back, err := limits.ParseKind(k.String())
		if err != nil || back != k {
			t.Errorf("ParseKind(%q) = %v, %v", k, back, err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "Memory", "memory ", "Kind(0)"} {
		var pe *limits.ParseError
		if k, err := limits.ParseKind(bad); k != 0 || !errors.As(err, &pe) {
			t.Errorf("ParseKind(%q) = %v, %v", bad, k, err)
		}
	}
	for _, k := range []limits.Kind{0, 11, 255} {
		if k.Valid() {
			t.Errorf("%v is valid", k)
		}
		if _, err := json.Marshal(k); err == nil {
			t.Errorf("%v marshals", k)
		}
	}
}

func TestDefaults(t *testing.T) {
	want := limits.Limits{
		Instructions: 100_000_000, Memory: 64 << 20, Time: 10 * time.Second, Depth: 20_000, Coroutines: 2_000,
		Output: 1 << 20, HostCalls: 1_000_000, String: 16 << 20, Source: 1 << 20, Nesting: 200,
	}
	if diff := cmp.Diff(want, limits.Defaults()); diff != "" {
		t.Error(diff)
	}
	set := limits.Limits{Memory: 1, Time: limits.UnlimitedTime, Depth: -3}
	got := set.WithDefaults()
	if got.Memory != 1 || got.Time != limits.UnlimitedTime || got.Depth != -3 || got.Nesting != 200 {
		t.Errorf("WithDefaults changed a set field: %+v", got)
	}
}

// Every field is reachable by its kind, and no two kinds share one.
func TestOfAndWith(t *testing.T) {
	var l limits.Limits
	for i, k := range limits.Kinds() {
		l = l.With(k, int64(i+1))
	}
	want := limits.Limits{Instructions: 1, Memory: 2, Time: 3, Depth: 4, Coroutines: 5, Output: 6, HostCalls: 7, String: 8, Source: 9, Nesting: 10}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Error(diff)
	}
	for i, k := range limits.Kinds() {
		if got := l.Of(k); got != int64(i+1) {
			t.Errorf("Of(%v) = %d", k, got)
		}
	}
	if got := l.Of(0); got != -1 {
		t.Errorf("Of(0) = %d, want -1", got)
	}
	if l.With(0, 5) != l {
		t.Error("With(0) changed a field")
	}
}

func TestValidate(t *testing.T) {
	for _, ok := range []limits.Limits{{}, limits.Defaults(), limits.None(), {Memory: 1}} {
		if err := ok.Validate(); err != nil {
			t.Errorf("%+v: %v", ok, err)
		}
	}
	err := limits.Limits{Memory: -1, Time: -time.Second, Nesting: -5}.Validate()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("not joined: %v", err)
	}
	var got []limits.FieldError
	for _, e := range joined.Unwrap() {
		var fe *limits.FieldError
		if !errors.As(e, &fe) {
			t.Fatalf("%T", e)
		}
		got = append(got, *fe)
	}
	want := []limits.FieldError{
		{Kind: limits.Memory, Value: -1},
		{Kind: limits.Time, Value: int64(-time.Second)},
		{Kind: limits.Nesting, Value: -5},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	const text = `limit memory is -1: want a positive value, 0 for the default (64 MiB) or limits.Unlimited for no limit
limit time is -1s: want a positive value, 0 for the default (10s) or limits.UnlimitedTime for no limit
limit nesting is -5: want a positive value, 0 for the default (200) or limits.Unlimited for no limit`
	if diff := cmp.Diff(text, err.Error()); diff != "" {
		t.Error(diff)
	}
}

func anyLimits() *rapid.Generator[limits.Limits] {
	value := rapid.OneOf(rapid.Just(int64(0)), rapid.Just(int64(limits.Unlimited)), rapid.Int64Range(1, 1000), rapid.Int64Min(0), rapid.Int64())
	return rapid.Custom(func(t *rapid.T) limits.Limits {
		var l limits.Limits
		for _, k := range limits.Kinds() {
			l = l.With(k, value.Draw(t, k.String()))
		}
		return l
	})
}

func TestIntersectOnlyTightens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyLimits().Draw(t, "a"), anyLimits().Draw(t, "b"), anyLimits().Draw(t, "c")
		ab := limits.Intersect(a, b)
		for _, k := range limits.Kinds() {
			x, y := a.WithDefaults().Of(k), b.WithDefaults().Of(k)
			if got := ab.Of(k); got > x || got > y || (got != x && got != y) {
				t.Fatalf("%v: %d of %d and %d", k, got, x, y)
			}
			if ab.Of(k) == 0 {
				t.Fatalf("%v is zero, which would mean the default", k)
			}
		}
		if ab != limits.Intersect(b, a) {
			t.Fatal("not commutative")
		}
		if limits.Intersect(ab, c) != limits.Intersect(a, limits.Intersect(b, c)) {
			t.Fatal("not associative")
		}
		if limits.Intersect(a, a) != a.WithDefaults() || limits.Intersect(ab, ab) != ab {
			t.Fatal("not idempotent")
		}
		if a.Tighten(b) != ab {
			t.Fatal("Tighten is not Intersect")
		}
		if a.WithDefaults().WithDefaults() != a.WithDefaults() {
			t.Fatal("WithDefaults is not idempotent")
		}
	})
}

func TestCheck(t *testing.T) {
	tests := []struct {
		limits limits.Limits
		kind   limits.Kind
		n      int64
		want   *limits.Error
		misuse bool
	}{
		{limits.Limits{String: 10}, limits.String, 10, nil, false},
		{limits.Limits{String: 10}, limits.String, 0, nil, false},
		{limits.Limits{String: 10}, limits.String, 11, &limits.Error{Kind: limits.String, Max: 10, Asked: 11}, false},
		{limits.Limits{}, limits.Nesting, 200, nil, false},
		{limits.Limits{}, limits.Nesting, 201, &limits.Error{Kind: limits.Nesting, Max: 200, Asked: 201}, false},
		{limits.None(), limits.Depth, limits.Unlimited - 1, nil, false},
		{limits.None(), limits.String, limits.Unlimited, &limits.Error{Kind: limits.String, Max: limits.Unlimited, Asked: limits.Unlimited}, false},
		{limits.Limits{Source: -1}, limits.Source, 0, &limits.Error{Kind: limits.Source}, false},
		{limits.Limits{}, limits.Depth, -1, &limits.Error{Kind: limits.Depth, Max: 20_000}, true},
		{limits.Limits{}, 0, 1, &limits.Error{Asked: 1}, true},
	}
	for _, tt := range tests {
		err := tt.limits.Check(tt.kind, tt.n)
		if tt.want == nil {
			if err != nil {
				t.Errorf("Check(%v, %d) = %v", tt.kind, tt.n, err)
			}
			continue
		}
		var got *limits.Error
		if !errors.As(err, &got) {
			t.Errorf("Check(%v, %d) = %v", tt.kind, tt.n, err)
			continue
		}
		var misuse *limits.MisuseError
		if errors.As(err, &misuse) != tt.misuse {
			t.Errorf("Check(%v, %d) = %v, misuse wanted: %v", tt.kind, tt.n, err, tt.misuse)
		}
		plain := *got
		plain.Err = nil
		if diff := cmp.Diff(*tt.want, plain); diff != "" {
			t.Errorf("Check(%v, %d): %s", tt.kind, tt.n, diff)
		}
	}
}

func TestErrorText(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{&limits.Error{Kind: limits.Instructions, Used: 100_000, Max: 100_000}, "instruction limit exceeded: 100000 of 100000 used"},
		{&limits.Error{Kind: limits.Memory, Used: 67_000_000, Max: 64 << 20, Asked: 1 << 30}, "memory limit exceeded: 63.8 MiB of 64 MiB used, 1 GiB more needed"},
		{&limits.Error{Kind: limits.String, Max: 16 << 20, Asked: 20 << 20}, "string size limit exceeded: 20 MiB needed, at most 16 MiB allowed"},
		{&limits.Error{Kind: limits.Time, Used: int64(10 * time.Second), Max: int64(10 * time.Second)}, "time limit exceeded: 10s of 10s used"},
		{&limits.Error{Kind: limits.Output, Used: 100, Max: 1023}, "output limit exceeded: 100 B of 1023 B used"},
		{&limits.Error{Kind: limits.Depth, Used: 1, Max: limits.Unlimited, Asked: limits.Unlimited}, "call depth limit exceeded: 1 of unlimited used, unlimited more needed"},
		{&limits.Error{Kind: 77, Used: 1, Max: 2}, "Kind(77) limit exceeded: 1 of 2 used"},
		{&limits.Error{Kind: limits.HostCalls, Used: 1, Max: 2, Err: &limits.MisuseError{Op: "Charge", Kind: limits.HostCalls, N: -4}}, "host call limit exceeded: 1 of 2 used: bug in the host: Charge(-4) of host_calls"},
		{&limits.CancelledError{}, "stopped by the caller: context canceled"},
		{&limits.CancelledError{Err: context.Canceled, Cause: errors.New("game over")}, "stopped by the caller: context canceled: game over"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestErrorIs(t *testing.T) {
	cause := errors.New("cause")
	for _, k := range limits.Kinds() {
		err := fmt.Errorf("mod x: %w", &limits.Error{Kind: k, Err: cause})
		if !errors.Is(err, limits.ErrExceeded) || !errors.Is(err, cause) {
			t.Errorf("%v does not match ErrExceeded and its cause", k)
		}
		if got, want := errors.Is(err, context.DeadlineExceeded), k == limits.Time; got != want {
			t.Errorf("%v matches DeadlineExceeded: %v", k, got)
		}
		if errors.Is(err, context.Canceled) {
			t.Errorf("%v matches Canceled", k)
		}
	}
}

func TestCancelled(t *testing.T) {
	if err := limits.Cancelled(t.Context()); err != nil {
		t.Fatalf("a live context gives %v", err)
	}
	why := errors.New("the player left")
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	expired, stop := context.WithDeadlineCause(t.Context(), time.Unix(0, 0), why)
	defer stop()
	bare, cancelBare := context.WithCancel(t.Context())
	cancelBare()

	tests := []struct {
		name                    string
		err                     error
		canceled, deadline, why bool
	}{
		{"cancelled with cause", limits.Cancelled(cancelled), true, false, true},
		{"deadline with cause", limits.Cancelled(expired), false, true, true},
		{"cancelled", limits.Cancelled(bare), true, false, false},
		{"only a cause", &limits.CancelledError{Cause: why}, true, false, true},
		{"only the context's deadline", &limits.CancelledError{Cause: context.DeadlineExceeded}, false, true, false},
		{"nothing", &limits.CancelledError{}, true, false, false},
	}
	for _, tt := range tests {
		err := fmt.Errorf("call: %w", tt.err)
		var ce *limits.CancelledError
		if !errors.As(err, &ce) {
			t.Errorf("%s: not a CancelledError: %v", tt.name, err)
		}
		if errors.Is(err, context.Canceled) != tt.canceled || errors.Is(err, context.DeadlineExceeded) != tt.deadline || errors.Is(err, why) != tt.why {
			t.Errorf("%s: matches the wrong errors: %v", tt.name, err)
		}
		if errors.Is(err, limits.ErrExceeded) {
			t.Errorf("%s: matches ErrExceeded", tt.name)
		}
	}
}
