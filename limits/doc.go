// Package limits says how much a script may use and counts what it uses.
//
// [Limits] holds one number for each resource; its zero value is a set of
// strict defaults. A [Meter] adds up the use of one sandbox: a [Budget] for
// each resource that is spent (instructions, output, host calls), a [Gauge]
// for each that is held (memory, coroutines). Budgets, gauges and meters
// nest: what is charged to the inner one is charged to the outer one too, so
// an inner one can only be tighter.
//
// Work is charged before it is done. A charge that does not fit is refused
// with an [*Error], which matches [ErrExceeded], and the work is not done; so
// Used is never above Max. What the work costs is in the price list, in the
// constants of this package.
//
// Nothing here starts a goroutine or reads a clock, and nothing is safe for
// use by several goroutines at once unless it is a plain value.
package limits
