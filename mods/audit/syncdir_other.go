//go:build !unix

package audit

// syncDir does nothing: the system makes names durable by itself, or has no way
// to ask for it.
func syncDir(string) error { return nil }
