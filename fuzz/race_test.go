//go:build race

package fuzz

// raceDetector: its code allocates where other code does not.
const raceDetector = true
