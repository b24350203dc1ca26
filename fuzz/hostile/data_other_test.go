//go:build !linux

package hostile

import (
	"errors"
	"time"
)

const canLimitData = false

func limitData(uint64) error { return errors.New("not on this system") }

func data() (uint64, error) { return 0, errors.New("not on this system") }

var began = time.Now()

// used is the time since this process began.
func used() time.Duration { return time.Since(began) }

func limitProcessor(time.Duration) error { return errors.New("not on this system") }

func exhausted(error) bool { return false }
