package libm

import "math"

var atanhTail = [...]float64{1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21}

// logPair returns the natural logarithm of a positive, finite x.
func logPair(x float64) pair {
	m, k := math.Frexp(x) // 0.5 <= m < 1
	if m < math.Sqrt2/2 {
		m, k = m+m, k-1
	}
	// The series of the inverse hyperbolic tangent gives all but the last few bits
	// of ln(m); one step of Newton's method, on e^y = m, doubles them.
	f := (m - 1) / (m + 1)
	g := float64(f * f)
	series := 0.0
	for i := len(atanhTail) - 1; i >= 0; i-- {
		series = float64(g * (atanhTail[i] + series))
	}
	y := float64(2 * (f + float64(f*series)))
	p := expm1Small(pair{hi: y})
	rest := pair{hi: m - 1}.sub(p).hi // m - e^y
	ln := quickSum(y, float64(2*rest)/(m+1+p.hi))
	if k == 0 {
		return ln
	}
	n := float64(k)
	return pair{hi: float64(n * ln2Head)}.add(ln2Tail.mulFloat(n)).add(ln)
}

// logSpecial answers for an x that has no logarithm.
func logSpecial(x float64) (y float64, special bool) {
	switch {
	case x != x || x == inf:
		return x, true
	case x < 0:
		return nan, true
	case x == 0:
		return -inf, true
	}
	return 0, false
}

// Log returns the natural logarithm of x.
func Log(x float64) float64 {
	if y, special := logSpecial(x); special {
		return y
	}
	if x == 1 {
		return 0
	}
	return logPair(x).round(0)
}

// Log10 returns the decimal logarithm of x; that of a power of ten is exact.
func Log10(x float64) float64 {
	if y, special := logSpecial(x); special {
		return y
	}
	if x == 1 {
		return 0
	}
	return logPair(x).mul(invLn10).round(0)
}

// Pow returns x^y, with the special cases of C's pow (C99, F.9.4.4).
func Pow(x, y float64) float64 {
	switch {
	case y == 0 || x == 1:
		return 1
	case y == 1:
		return x
	case x != x || y != y:
		return nan
	}
	whole := y == math.Trunc(y)
	odd := whole && math.Abs(y) < 1<<53 && int64(y)&1 != 0
	a := math.Abs(x)
	var z float64
	switch {
	case math.IsInf(y, 0):
		switch {
		case a == 1:
			return 1
		case a > 1 == (y > 0):
			return inf
		}
		return 0
	case a == 0 || a == inf:
		if z = inf; a == 0 == (y > 0) {
			z = 0
		}
	case x < 0 && !whole:
		return nan
	case a == 1:
		z = 1
	case math.Abs(y) > 0x1p65:
		// The logarithm is at least 2^-53 in size: beyond the largest or the least.
		if z = 0; a > 1 == (y > 0) {
			z = inf
		}
	case y == 2:
		z = float64(a * a)
	case y == 0.5:
		z = math.Sqrt(a)
	default:
		z = expSum(logPair(a).mulFloat(y))
	}
	if odd {
		return math.Copysign(z, x)
	}
	return z
}
