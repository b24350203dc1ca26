//go:build race

package accounts

// racing says that the race detector is on, which allocates for itself.
const racing = true
