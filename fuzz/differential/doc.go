// Package differential runs programs made up at random here and in C Lua 5.1, and
// compares every line that they print. It has no code of its own, only tests.
//
// What the programs do is meant to be hard: closures in loops, variable arguments,
// metatables with every event, coroutines, errors and pcall at every depth, numbers
// at their edges. A program with goto is written twice, the second time with loops
// and break in goto's place, for C Lua to run; a part of the programs runs on
// gopher-lua as well, which has goto.
//
// Each run of the tests tries the same few programs. More, and others:
//
//	go test ./fuzz/differential -run TestPrograms -timeout 0 -args -programs 100000 -seed 1000000
//
// Differences that were found are in testdata, with what C Lua prints.
package differential
