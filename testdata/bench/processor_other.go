//go:build !unix

package main

import "time"

const clockName = "time (of the engines in Go on this system: by the wall clock)"

var began = time.Now()

// processorSeconds falls back to the wall clock.
func processorSeconds() float64 { return time.Since(began).Seconds() }
