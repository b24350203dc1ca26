//go:build !unix

package mods_test

import "time"

// processorTime is the clock's where the system does not tell the processors'.
func processorTime() time.Duration { return time.Since(began) }
