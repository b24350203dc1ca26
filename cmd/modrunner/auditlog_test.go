package main

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/mods/audit"
)

// What did not reach the audit log is counted, and told at the end.
func TestAuditLogThatFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	record := audit.Record{Time: time.Unix(0, 0), Kind: "grant", Mod: "weather"}
	log, err := openAudit(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Append(record); err != nil {
		t.Fatal(err)
	}
	if _, err := openAudit(path); err == nil {
		t.Error("a log that is open was opened again")
	} else if r, ok := errors.AsType[*refusal](err); !ok || r.Reason != "another process has the log open" {
		t.Errorf("open: %v", err)
	}
	if err := log.close(); err != nil {
		t.Errorf("a log that has everything: %v", err)
	}

	if log, err = openAudit(path); err != nil {
		t.Fatal(err)
	}
	if err := log.log.Close(); err != nil { // as a disk that is gone
		t.Fatal(err)
	}
	for range 2 {
		if err := log.Append(record); err == nil {
			t.Fatal("a closed log took a record")
		}
	}
	lost, ok := errors.AsType[*auditError](log.close())
	if !ok || lost.lost != 2 || !errors.Is(lost, audit.ErrClosed) {
		t.Errorf("close: %v", lost)
	}
	got := captured(t, false, func(s *stream) {
		c := &console{out: s, err: s}
		c.auditFailed("audit.jsonl", lost)
	})
	if want := "modrunner: audit.jsonl: 2 records did not reach the audit log: " + audit.ErrClosed.Error(); len(got) < len(want) || got[:len(want)] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
