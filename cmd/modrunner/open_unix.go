//go:build unix

package main

import "syscall"

// nonblock makes opening a pipe or a device return at once.
const nonblock = syscall.O_NONBLOCK
