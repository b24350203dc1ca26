package libm

import "math"

// pair is an unevaluated sum of two floats, hi the float nearest to it: some 106
// bits (Dekker, "A floating-point technique for extending the available
// precision", 1971; the algorithms for sums and products are Knuth's and those
// in Hida, Li and Bailey's "Library for double-double arithmetic").
//
// The compiler may not fuse a product with a sum that follows, or results would
// depend on the processor: every product stands in a conversion (Go
// specification, "Floating-point operators"), which a test holds to.
type pair struct{ hi, lo float64 }

// sum returns a+b exactly.
func sum(a, b float64) pair {
	s := a + b
	t := s - a
	return pair{s, (a - (s - t)) + (b - t)}
}

// quickSum returns a+b exactly, if a is not smaller in size than b, or 0.
func quickSum(a, b float64) pair {
	s := a + b
	return pair{s, b - (s - a)}
}

// product returns a*b exactly, unless it comes near the least float.
func product(a, b float64) pair {
	p := float64(a * b)
	return pair{p, math.FMA(a, b, -p)}
}

func (a pair) neg() pair { return pair{-a.hi, -a.lo} }

func (a pair) add(b pair) pair {
	s, t := sum(a.hi, b.hi), sum(a.lo, b.lo)
	s = quickSum(s.hi, s.lo+t.hi)
	return quickSum(s.hi, s.lo+t.lo)
}

// addSmall is add for a b not larger in size than a.
func (a pair) addSmall(b pair) pair {
	s := quickSum(a.hi, b.hi)
	return quickSum(s.hi, s.lo+(a.lo+b.lo))
}

func (a pair) sub(b pair) pair { return a.add(b.neg()) }

func (a pair) addFloat(b float64) pair {
	s := sum(a.hi, b)
	return quickSum(s.hi, s.lo+a.lo)
}

func (a pair) mul(b pair) pair {
	p := product(a.hi, b.hi)
	return quickSum(p.hi, p.lo+(float64(a.hi*b.lo)+float64(a.lo*b.hi)))
}

func (a pair) mulFloat(b float64) pair {
	p := product(a.hi, b)
	return quickSum(p.hi, p.lo+float64(a.lo*b))
}

// double returns 2a exactly.
func (a pair) double() pair { return pair{a.hi + a.hi, a.lo + a.lo} }

func (a pair) div(b pair) pair {
	q := a.hi / b.hi
	return quickSum(q, a.sub(b.mulFloat(q)).hi/b.hi)
}

// sqrt returns the root of a, which is positive.
func (a pair) sqrt() pair {
	q := math.Sqrt(a.hi)
	rest := a.sub(product(q, q))
	return quickSum(q, rest.hi/(q+q))
}

// ldexp returns a*2^k, where nothing of it overflows or underflows.
func (a pair) ldexp(k int) pair { return pair{math.Ldexp(a.hi, k), math.Ldexp(a.lo, k)} }

// noise is how far a pair may be from a number that can be written, relative to
// its size, and count as that number.
const noise = 0x1p-85

// round returns the float nearest to a*2^k; of two equally near the even one. a
// is not 0.
func (a pair) round(k int) float64 {
	b := math.Float64bits(a.hi)
	e := int(b >> 52 & 0x7ff)
	if e > 64 && 0 < e+k && e+k < 2047 {
		half := math.Float64frombits(uint64(e-53) << 52) // of the distance of two floats
		if math.Abs(math.Abs(a.lo)-half) > math.Abs(float64(a.hi*noise)) {
			return math.Float64frombits(b + uint64(k)<<52)
		}
	}
	return a.roundAny(k)
}

// roundAny is round where the result may lie halfway between two floats, or
// beyond the largest, or among the least, which have fewer bits.
func (a pair) roundAny(k int) float64 {
	if math.Abs(a.lo) <= math.Abs(float64(a.hi*noise)) {
		a.lo = 0
	}
	_, e := math.Frexp(a.hi)
	unit := math.Ldexp(1, max(e-53, -1074-k)) // the distance of two floats
	near := a.hi
	if e-53 < -1074-k {
		shift := math.Copysign(float64(unit*0x1.8p52), a.hi)
		near = (a.hi + shift) - shift
	}
	rest, half := (a.hi-near)+a.lo, unit/2
	if math.Abs(math.Abs(rest)-half) <= math.Abs(float64(a.hi*noise)) {
		if odd := int64(near/unit)&1 != 0; odd {
			near += math.Copysign(unit, rest)
		}
	} else if math.Abs(rest) > half {
		near += math.Copysign(unit, rest)
	}
	return math.Ldexp(near, k)
}
