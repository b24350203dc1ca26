// Package libm has the functions of C's math library that Lua 5.1 offers, such
// that a script gets the same results on every processor.
//
// Package math does not promise that: the compiler may fuse products and sums
// where the processor can, and some of its functions are written in the
// processor's own language. It is also farther from the exact result than the
// GNU C library, which scripts were written with: math.Log10(1000) is not 3,
// math.Pow(10, 100) is not 1e100, the logarithm of the least float is wrong in
// the second digit on amd64.
//
// The functions here compute with pairs of floats, some 90 good bits, and then
// round once, so that the result is the float nearest to the exact one but for a
// few arguments in a billion. They take up to 0.4 microseconds and allocate nothing.
package libm
