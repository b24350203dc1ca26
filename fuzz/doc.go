// Package fuzz holds the fuzz targets that attack a sandbox, or a host with mods, as a
// whole, through exported API. It has no code of its own, only tests.
//
//   - FuzzSource: any text at all, compiled and run with the whole library.
//   - FuzzProgram: programs that are valid by construction (package generate), so that
//     all of the fuzzer's effort goes into what they do.
//   - FuzzCensus: programs that cannot notice a census, with one at every pause.
//   - FuzzBorder: values that cross the border between Go and Lua both ways.
//   - FuzzPattern and FuzzFormat: string.find, match, gmatch, gsub and format against
//     an independent slow reference (package reference).
//   - FuzzSort: table.sort with comparators that are no order, that raise errors, or
//     that yield.
//   - FuzzJSON: the capability "json" against encoding/json.
//   - FuzzStorage: the capability "storage" against a model, over hosts that end and
//     begin again, and a store that fails.
//
// Whatever runs Lua holds to what is in invariants_test.go: nothing panics; every
// error is of a documented type; no limit is passed, that of instructions not by one,
// and live memory not by more than a quarter, however often the script is called; Go
// allocates little more than is charged. A second sandbox comes to the same results,
// output and figures, as does one that is paused at every k-th instruction, with k of
// the fuzzer's choosing, and one with not an instruction more than needed; with one
// less it ends there. A task that is abandoned half-way leaves a sandbox that works.
//
// Parts have targets of their own, next to them: the scanner FuzzScan in
// luasandbox/vm, values FuzzConvert and FuzzScan in luasandbox, manifests FuzzParse
// and FuzzOutline in mods/manifest, archives FuzzOpenZip in mods/bundle, damaged files
// FuzzDamagedFile in mods/storage/boltstore, JSON texts FuzzDecode in
// mods/internal/jsonvalue, what is shown to people FuzzEscape in mods and FuzzVisible
// in cmd/modrunner.
//
// Each target runs its seeds, in testdata/fuzz, as an ordinary test. To run all of
// them for longer, or some:
//
//	bash .ci/fuzz 30m
//	bash .ci/fuzz 2h 'Program|Source'
//
// What is found is written to testdata/fuzz and is a seed from then on.
package fuzz
