//go:build !unix

package bundle

// nonblock is not needed where pipes are not files.
const nonblock = 0
