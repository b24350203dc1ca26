// Package filelock lets one process at a time do something, by a lock file.
//
// The system gives a lock back when the process ends, however it does, on Unix and on
// Windows. The file stays where it is: nothing is in it, and removing it while somebody
// waits for it would let two in.
package filelock

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrHeld is what Try returns if somebody else has the lock, in this process or
// another.
var ErrHeld = errors.New("another process has the lock")

// pause is how long Lock waits before it looks again.
const pause = 20 * time.Millisecond

// Held is a lock that this process has.
type Held struct{ c io.Closer }

// Close gives the lock back.
func (h *Held) Close() error { return h.c.Close() }

// Try takes the lock of the file at path, which is made if it is not there, in a folder
// that is. The error is [ErrHeld], or that of the system.
func Try(path string) (*Held, error) {
	c, err := take(path)
	if err != nil {
		return nil, err
	}
	return &Held{c}, nil
}

// Lock is Try, and waits while somebody else has the lock. The error is the cause of
// the end of ctx, or that of the system.
func Lock(ctx context.Context, path string) (*Held, error) {
	for {
		h, err := Try(path)
		if !errors.Is(err, ErrHeld) {
			return h, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		case <-timer.C:
		}
	}
}
