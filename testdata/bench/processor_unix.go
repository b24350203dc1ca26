//go:build unix

package main

import "syscall"

const clockName = "processor time"

// processorSeconds returns the processor time of all threads of this process.
func processorSeconds() float64 {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		panic(err)
	}
	return float64(use.Utime.Nano()+use.Stime.Nano()) / 1e9
}
