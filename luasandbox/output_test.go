package luasandbox_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

func containsAny(text string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

// Each line is one Write, whole, and as the script wrote it.
func TestOutputIsOneWriteALine(t *testing.T) {
	var writes []string
	newSandbox(t, luasandbox.Config{Output: writer(func(p []byte) (int, error) {
		writes = append(writes, string(p))
		return len(p), nil
	})}, `print("a", 1, nil) print() print("two\nlines", "\27[31m\0\255") print(("x"):rep(10000)) print("b")`)
	want := []string{"a\t1\tnil\n", "\n", "two\nlines\t\x1b[31m\x00\xff\n", strings.Repeat("x", 10000) + "\n", "b\n"}
	if diff := cmp.Diff(want, writes); diff != "" {
		t.Error(diff)
	}
}

// What does not fit into the budget is not written, not even in part.
func TestOutputIsChargedBeforeItIsWritten(t *testing.T) {
	var out bytes.Buffer
	s := newSandbox(t, luasandbox.Config{Limits: limits.Limits{Output: 10}, Output: &out}, "")
	for range 2 { // the budget is a call's
		out.Reset()
		_, err := s.Load(context.Background(), compile(t, `print("12345") print("123456789")`))
		asLimit(t, err, limits.Output)
		if out.String() != "12345\n" {
			t.Errorf("written: %q", out.String())
		}
	}
	if got := s.Usage().Output; got != 12 {
		t.Errorf("%d bytes of output in all", got)
	}
}

// A writer that fails, cheats or panics is a host error: the script may catch it,
// learns nothing, and can print again.
func TestOutputFails(t *testing.T) {
	for name, w := range map[string]func(p []byte) (int, error){
		"error": func(p []byte) (int, error) { return 0, errors.New("secret: disk full") },
		"short": func(p []byte) (int, error) { return len(p) - 1, nil },
		"panic": func(p []byte) (int, error) { panic("secret: nil map") },
	} {
		t.Run(name, func(t *testing.T) {
			fail := true
			var out, log bytes.Buffer
			s := newSandbox(t, luasandbox.Config{
				Name: "noisy",
				Output: writer(func(p []byte) (int, error) {
					if fail {
						return w(p)
					}
					return out.Write(p)
				}),
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
			}, `function try() return pcall(print, "x") end function say() print("y") end`)
			got, err := s.Call(context.Background(), "try")
			if err != nil || got[0] != false || !containsAny(got[1].(string), "host error [1]") || containsAny(got[1].(string), "secret") {
				t.Errorf("%v, %v", got, err)
			}
			_, err = s.Call(context.Background(), "say")
			var host *luasandbox.HostError
			var script *luasandbox.ScriptError
			if !errors.As(err, &script) || !errors.As(err, &host) || host.ID != "2" || host.Function != "print" || containsAny(err.Error(), "secret") {
				t.Errorf("%v", err)
			}
			for _, part := range []string{"sandbox=noisy", "id=1", "id=2", "function=print"} {
				if !strings.Contains(log.String(), part) {
					t.Errorf("%q is not in the log: %s", part, log.String())
				}
			}
			if name != "short" && !strings.Contains(log.String(), "secret") {
				t.Errorf("the cause is not in the log: %s", log.String())
			}
			fail = false
			if _, err := s.Call(context.Background(), "say"); err != nil || out.String() != "y\n" {
				t.Errorf("afterwards: %v, %q", err, out.String())
			}
		})
	}
}

// What a writer does with the sandbox that it serves is refused, not awaited.
func TestOutputCannotCallBack(t *testing.T) {
	var s *luasandbox.Sandbox
	var got error
	s = newSandbox(t, luasandbox.Config{Output: writer(func(p []byte) (int, error) {
		_, got = s.Call(context.Background(), "f")
		return len(p), nil
	})}, `function f() end function say() print("x") end`)
	if _, err := s.Call(context.Background(), "say"); err != nil || got != luasandbox.ErrBusy {
		t.Errorf("%v, and inside %v", err, got)
	}
}

// A log handler's failures do not become the sandbox's.
func TestLoggerPanics(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{
		Output: writer(func(p []byte) (int, error) { return 0, errors.New("x") }),
		Logger: slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) { panic("log") }), nil)),
	}, `ok = pcall(print)`)
	if ok, err := s.Global("ok"); ok != false || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}
