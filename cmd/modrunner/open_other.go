//go:build !unix

package main

// nonblock is nothing where there is no such flag.
const nonblock = 0
