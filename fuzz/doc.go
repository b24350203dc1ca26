// Package fuzz holds the fuzz targets that attack a luasandbox.Sandbox as a whole,
// through its exported API. It has no code of its own, only tests.
//
//   - FuzzSource: any text at all, compiled and run with the whole library.
//   - FuzzProgram: programs that are valid by construction, so that all of the
//     fuzzer's effort goes into what they do.
//   - FuzzBorder: values that cross the border between Go and Lua both ways.
//
// Whatever they are given, nothing panics; every error is of a documented type; no
// limit is passed, and live memory not by more than a quarter; and a second sandbox,
// and one that is stepped three instructions at a time, come to the same results,
// output and figures.
//
// Parts have targets of their own, next to them: manifests FuzzParse and FuzzOutline
// in mods/manifest, archives FuzzOpenZip in mods/bundle, values FuzzConvert, FuzzScan
// and FuzzPauses in luasandbox.
//
// Each target runs its seeds, in testdata/fuzz, as an ordinary test. To run one for
// longer:
//
//	go test ./fuzz -run '^$' -fuzz '^FuzzProgram$' -fuzztime 10m -fuzzminimizetime 20x
//
// A failure is written to testdata/fuzz and is a seed from then on.
package fuzz
