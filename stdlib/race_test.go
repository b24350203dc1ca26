//go:build race

package stdlib

// racing says that the race detector is on, which allocates for itself.
const racing = true
