package stdlib

import "github.com/luasandbox/modrunner/limits"

// Prices of work that limits/prices.go has no name for, as multiples of those it
// has. Measured by BenchmarkPrices on the machine of that file: how long the work
// took, in instructions per instruction charged, where an empty loop of the
// script's took 1.5.
const (
	// priceCallback is a call of a script's function from a loop of the library,
	// beside what the function does. Measured 1.1.
	priceCallback = 10 * limits.PerInstruction

	// pricePrint is one argument of print, beside its text and its bytes.
	// Measured 1.3.
	pricePrint = 6 * limits.PerInstruction

	// priceAppend is what table.insert does at a list's end. Measured 1.6.
	priceAppend = 10 * limits.PerInstruction

	// priceMove is an element moved within a list, one by one. Measured 1.4.
	priceMove = 1 * limits.PerInstruction

	// priceMoveFar is an element moved where a table has no list. Measured 0.6
	// and, in a table that must grow for it, 2.5.
	priceMoveFar = 6 * limits.PerInstruction

	// priceSeries is a function of package libm. Measured 0.9 to 1.4.
	priceSeries = 6 * limits.MathCall

	// pricePower is libm.Pow. Measured 1.2.
	pricePower = 9 * limits.MathCall
)
