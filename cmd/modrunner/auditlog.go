package main

import (
	"errors"
	"sync"
	"time"

	"github.com/luasandbox/modrunner/mods/audit"
)

// auditLog is the audit log of a run. It remembers whether all records reached it.
// Its methods may be called from any goroutine.
type auditLog struct {
	log *audit.Log

	mu   sync.Mutex
	lost int   // records
	err  error // of the first of them
}

// openAudit opens the log at path, or makes it. The error is a *refusal.
func openAudit(path string) (*auditLog, error) {
	log, err := audit.Open(path, audit.Options{})
	if err == nil {
		return &auditLog{log: log}, nil
	}
	r := &refusal{What: path, Reason: bare(err).Error(), Err: err}
	if damage, ok := errors.AsType[*audit.VerifyError](err); ok {
		r.Reason = auditReasons[damage.Reason]
		r.Want = "a log as it was left, or none; see \"modrunner audit verify\""
	} else if _, ok := errors.AsType[*audit.LockedError](err); ok {
		r.Reason, r.Want = "another process has the log open", "a log of its own for each run"
	}
	return nil, r
}

// Append adds a record, with the time that it is now: the one that mods see is made
// up. The error is that of the log.
func (a *auditLog) Append(r audit.Record) error {
	r.Time = time.Now()
	err := a.log.Append(r)
	if err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.lost++; a.err == nil {
			a.err = err
		}
	}
	return err
}

// close ends the log. The error is an *auditError if it does not have all records.
func (a *auditLog) close() error {
	background := a.log.Err()
	closed := a.log.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := errors.Join(a.err, background, closed); err != nil {
		return &auditError{lost: a.lost, err: err}
	}
	return nil
}

// auditError says that an audit log may not have all that happened.
type auditError struct {
	lost int // records that were not written
	err  error
}

// Error is the cause.
func (e *auditError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *auditError) Unwrap() error { return e.err }
