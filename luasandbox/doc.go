// Package luasandbox runs Lua 5.1 code that nobody has read, inside a Go program.
//
// A [Program] is compiled source. A [Sandbox] is the jail it runs in: its own
// globals, the safe part of the standard library, the host functions that its
// [Grant]s name, and nothing else; no file, no network, no process, no clock of
// the machine's. What a script does is counted and limited: instructions, live
// memory, wall time, call depth, coroutines, output and more (package limits).
//
//	program, err := luasandbox.Compile("hello.lua", source, limits.Limits{})
//	sandbox, err := luasandbox.New(luasandbox.Config{Output: os.Stdout})
//	defer sandbox.Close()
//	_, err = sandbox.Load(ctx, program)
//	results, err := sandbox.Call(ctx, "greet", "world")
//
// A call either runs to its end ([Sandbox.Call]) or slice by slice, on the
// caller's goroutine, as a [Task]: a game steps it once a frame.
//
// # Values
//
// Arguments, globals and results are copies. Into Lua go nil, booleans, numbers of
// every kind, strings and []byte; slices and arrays (as lists), maps, and structs (the
// fields with a tag `lua:"name"`), nested as one likes up to 100 levels; pointers to
// these; a [*Function] of the same sandbox; a [Handle], or a pointer to an object of a
// [HandleType] that the sandbox was granted. An integer that no float64 holds is
// refused, not rounded. What comes out is described at [Results]. At most 262,144
// elements cross the border in one call, in each direction.
//
// # Goroutines
//
// A sandbox does one thing at a time. A call while another one runs returns
// [ErrBusy]; it does not wait and it does not race. Any number of sandboxes run
// at the same time, unless they share a Config.Budget. [Sandbox.Usage],
// [Sandbox.LastCall], [Sandbox.Traceback] and [Sandbox.Report] may be called at any time, from
// anywhere.
//
// An idle sandbox is memory and nothing else: less than 5 KB with the whole library,
// beside what its script holds and what is kept from one call to the next: the figures
// by function, and a stack, which [Sandbox.Trim] drops. A hundred thousand of them in one process are a supported use.
//
// # Errors
//
// Every error is of one of these types, wherever it comes from:
//
//   - [*SyntaxError]: the source is not a program.
//   - [*ScriptError]: the script raised it and did not catch it. It wraps a
//     [*HostError] if a host function failed, and a [*limits.Error] if it was a
//     limit that scripts can catch: a stack overflow, a string too long.
//   - [*limits.Error]: a limit was hit, and the call ended there.
//   - [*limits.CancelledError]: the caller's context ended.
//   - [*ConfigError], [*DeclarationError], [*PathError], [*ArgumentError],
//     [*ResultError], [ErrReleased], [ErrNotCalled]: the host asked for what cannot be.
//   - [ErrBusy], [ErrClosed], [ErrFinished], [ErrWaits], [ErrNoTurn]: not now, or not any more.
//   - [*InternalError]: a bug of ours; the sandbox is of no more use.
//
// # What is not promised
//
// What a script prints, its error messages and its tracebacks are bytes of its
// choosing: control characters, invalid UTF-8, lines that look like the host's
// own. Nothing is escaped here; who shows them escapes them. A host function
// can do whatever the host can do: the sandbox counts its calls, it does not
// contain it. The Go memory that the sandboxed script causes to be held stays
// within a small multiple of Limits.Memory; what host functions allocate on
// their own account is theirs.
package luasandbox
