//go:build unix

package bundle

import "syscall"

// nonblock makes opening a pipe or a device return at once.
const nonblock = syscall.O_NONBLOCK
