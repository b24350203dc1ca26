//go:build !unix

package atomicfile

// syncFolder does nothing: the system makes names durable by itself, or has no way
// to ask for it.
func syncFolder(place, string) error { return nil }
