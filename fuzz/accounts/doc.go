// Package accounts proves that a sandbox's account is true: that what a script is
// charged for is what it costs. It has no code of its own, only tests.
//
// What there is to do for a script stands in testdata, in archives of workloads: each
// function of the library, each operation of the machine, each kind of crossing of the
// border to the host, each function of a capability of package mods. A workload is Lua
// that does its work n times, or on something of size n. Lists of what must have a
// workload come from the product itself, so that what is added to it needs one.
//
//   - Allocation: Go allocates no more for a workload than it is charged for, beyond a
//     constant for each call.
//   - Prices: what each workload is charged, in instructions and bytes, at each size.
//     Recorded in testdata/*.golden, so that no price changes by accident:
//     go test ./fuzz/accounts -update
//   - Time: what each workload takes, by what it is charged, in multiples of plain
//     instructions. Measured by a benchmark, which no test depends on:
//     go test ./fuzz/accounts -run '^$' -bench Factor -benchtime 7x
//   - Repetition: a corpus of scripts gives the same outputs and the same figures in
//     every run, on any number of goroutines and processors, under the collector's
//     stress, and in other processes, whose hash seeds are others.
package accounts
