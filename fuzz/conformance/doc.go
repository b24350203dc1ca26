// Package conformance holds the machine against what others wrote to test or to use
// Lua 5.1. It has no code of its own, only tests.
//
// The test files of C Lua 5.1, as they come with the gopher-lua module, and
// gopher-lua's own are read from that module's folder and run in a sandbox, each as
// far as a sandbox allows. SCOREBOARD.md says how far, and what was left out and
// why; a test fails when a figure in it is no longer so, for better or worse.
// Nothing of the files is kept here but their names, hashes and line numbers.
//
//	go generate ./fuzz/conformance     # writes the scoreboard anew
//
// LIBRARIES.md tells of libraries and plugin scripts that were run, and how to run
// them again.
package conformance
