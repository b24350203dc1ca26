// Package hostile runs the scripts in testdata/hostile: mods that attack the process,
// the clock, the memory, the jail and the host's objects. It has no code of its own,
// only tests.
//
// Each script says in itself what has to happen (type script). It runs
//
//   - through package luasandbox, in a child process that holds a game's objects, a
//     neighbouring sandbox and a secret; twice, in one piece and in slices of fuel,
//     and both have to agree in every figure;
//   - through "modrunner exec --json", a process for each;
//   - under a limit of the system's on the process's data, where the attack is on
//     memory (Linux only);
//   - on stock gopher-lua, as a negative control: with a deadline in a context and a
//     limit on the process's data, which is what a careful host has without us.
//
// What came of it is in testdata/hostile/RESULTS.md. A script's own column is
// compared by every run of the tests; the control's is a recording, of which what
// can be played back without losing a process or waiting for a deadline is compared
// as well.
//
//	go generate ./fuzz/hostile                                  # our columns anew, and those of new scripts
//	go test ./fuzz/hostile -run '^TestStock$' -stock -timeout 1h  # the whole control anew
//	go test ./fuzz/hostile -run '^TestMeasure$' -measure -v     # with default limits: the slowest, and the wall clock
package hostile

//go:generate go test -count=1 -run ^TestResults$ . -update
