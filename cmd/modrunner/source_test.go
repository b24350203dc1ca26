package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
)

// countingReader gives zeros for ever and counts them.
type countingReader struct{ n int64 }

func (r *countingReader) Read(p []byte) (int, error) {
	r.n += int64(len(p))
	return len(p), nil
}

// An input without an end is read to one byte beyond the limit.
func TestReadBoundedStops(t *testing.T) {
	var endless countingReader
	_, err := readBounded("x", "", &endless, limits.Limits{Source: 1000})
	e, ok := errors.AsType[*limits.Error](err)
	if !ok || e.Kind != limits.Source || e.Max != 1000 {
		t.Errorf("got %v", err)
	}
	if endless.n != 1001 {
		t.Errorf("read %d bytes", endless.n)
	}
	if text, err := readBounded("x", "", strings.NewReader(strings.Repeat("x", 1000)), limits.Limits{Source: 1000}); err != nil || len(text) != 1000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// Who waits for standard input can be interrupted.
func TestReadInputInterrupted(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(&interruption{2})
	_, err := readSource(ctx, "-", "", r, limits.Limits{})
	if e, ok := errors.AsType[*limits.CancelledError](err); !ok || interruptedBy(ctx).status() != 130 {
		t.Errorf("got %v, %v", e, err)
	}
}

func TestSkipFirstLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                "",
		"print()":         "print()",
		"#!/usr/bin/x":    "",
		"# x\nprint()\n#": "\nprint()\n#",
		" # x\n":          " # x\n",
	} {
		if got := skipFirstLine(in); got != want {
			t.Errorf("skipFirstLine(%q) = %q", in, got)
		}
	}
}

func TestFindMods(t *testing.T) {
	root := t.TempDir()
	for _, file := range []string{
		"one/mod.toml", "shelf/b/mod.toml", "shelf/a/mod.toml", "shelf/c.zip", "shelf/d.ZIP", "shelf/notes.txt",
		"shelf/stray/x", "shelf/.hidden/mod.toml", "none/sub/x", "file.txt", "main.lua",
	} {
		name := filepath.Join(root, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string][]string{
		"one":          {"one"},
		"shelf":        {"shelf/a", "shelf/b", "shelf/c.zip", "shelf/d.ZIP", "shelf/stray"},
		"shelf/c.zip":  {"shelf/c.zip"},
		"none":         nil,
		"file.txt":     nil,
		"main.lua":     nil,
		"one/mod.toml": nil,
		"nowhere":      nil,
	} {
		found, err := findMods(filepath.Join(root, filepath.FromSlash(path)))
		var got []string
		for _, f := range found {
			rel, err := filepath.Rel(root, f)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, filepath.ToSlash(rel))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if _, ok := errors.AsType[*refusal](err); ok != (want == nil) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
