//go:build !race

package accounts

const racing = false
