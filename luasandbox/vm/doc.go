// Package vm is the machine that runs Lua 5.1 for the sandbox: a compiler from
// gopher-lua's syntax tree to a register code of its own, values, tables,
// threads, the loop that executes, and the census of live memory. Embedders use
// package luasandbox; this package is for those who write library functions or
// bindings.
//
// Three things set it apart from other machines for Lua.
//
// It is stackless. Calls, metamethods, pcall, iterators, coroutines and library
// functions that call back all live in frames of their own, never on Go's stack.
// So a yield works across all of them, depth is a number to compare with a
// limit, and a pause at any instruction is a return from [Run.Step].
//
// It is exact. Every instruction costs one unit, and work in proportion to a
// size costs more, charged before it is done. The same program with the same
// inputs spends the same units, and is stopped at the same instruction, on every
// run and machine.
//
// It knows what is live. Every allocation that a script can cause is charged
// before it happens; when enough was charged, a census walks over everything
// reachable, and only live bytes count against the limit.
//
// # Reading order
//
// value.go, string.go and table.go are the data. scan.go, compile.go,
// statement.go, expression.go and code.go are the compiler. thread.go, exec.go,
// calls.go, slow.go and raise.go are the loop and what it falls back on.
// native.go is the interface for functions written in Go, run.go that for the
// host. machine.go has the accounts, census.go and inventory.go the walk.
//
// RATIONALE.md answers why odd things are odd.
package vm
