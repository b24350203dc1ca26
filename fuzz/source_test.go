package fuzz

import "testing"

// FuzzSource takes any text for a program.
func FuzzSource(f *testing.F) {
	f.Fuzz(func(t *testing.T, source string) { check(t, source, nil) })
}
