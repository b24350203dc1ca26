//go:build !race

package stdlib

const racing = false
