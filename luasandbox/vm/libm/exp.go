package libm

import "math"

var (
	inf = math.Inf(1)
	nan = math.NaN()

	ln2Head = 0x1.62e42fefa3800p-1 // 42 bits: times an exponent it is exact
	ln2Tail = pair{0x1.ef35793c76730p-45, 0x1.f97b57a079a19p-103}
	invLn2  = 0x1.71547652b82fep+0
	invLn10 = pair{0x1.bcb7b1526e50ep-2, 0x1.95355baaafad3p-57}

	sixth        = pair{0x1.5555555555555p-3, 0x1.5555555555555p-57}
	twentyFourth = pair{0x1.5555555555555p-5, 0x1.5555555555555p-59}
)

// reduceExp returns k and r with x = k*ln(2) + r, r about half of ln(2) at most.
// x is at most 2000 in size.
func reduceExp(x pair) (k int, r pair) {
	n := math.RoundToEven(float64(x.hi * invLn2))
	r = sum(x.hi, -float64(n*ln2Head))
	return int(n), r.addFloat(x.lo).sub(ln2Tail.mulFloat(n))
}

// expTail is 1/5! to 1/12!.
var expTail = [...]float64{
	0x1.1111111111111p-7, 0x1.6c16c16c16c17p-10, 0x1.a01a01a01a01ap-13, 0x1.a01a01a01a01ap-16, 0x1.71de3a556c734p-19, 0x1.27e4fb7789f5cp-22, 0x1.ae64567f544e4p-26, 0x1.1eed8eff8d898p-29,
}

// expm1Small returns e^r - 1 for an r that reduceExp gave: the series for r/32,
// then five times (1+p)^2 - 1 = 2p + p^2.
func expm1Small(r pair) pair {
	s := pair{float64(r.hi * (1.0 / 32)), float64(r.lo * (1.0 / 32))}
	tail := 0.0
	for i := len(expTail) - 1; i >= 0; i-- {
		tail = float64(s.hi * (expTail[i] + tail))
	}
	p := twentyFourth.addFloat(tail)
	p = sixth.addSmall(s.mul(p))
	p = pair{hi: 0.5}.addSmall(s.mul(p))
	p = s.addSmall(s.mul(s).mul(p))
	for range 5 {
		p = p.double().addSmall(p.mul(p))
	}
	return p
}

// expPair returns e^x as a*2^k.
func expPair(x pair) (a pair, k int) {
	k, r := reduceExp(x)
	return expm1Small(r).addFloat(1), k
}

// expm1Pair returns e^x - 1, for an x of at most 100 in size.
func expm1Pair(x pair) pair {
	k, r := reduceExp(x)
	p := expm1Small(r)
	if k == 0 {
		return p
	}
	return p.addFloat(1).ldexp(k).addFloat(-1)
}

// expSum returns e^x for a finite x given as a pair.
func expSum(x pair) float64 {
	switch {
	case x.hi > 710:
		return inf
	case x.hi < -746:
		return 0
	}
	a, k := expPair(x)
	return a.round(k)
}

// Exp returns e^x.
func Exp(x float64) float64 {
	switch {
	case x != x || x > 710:
		return x + inf // NaN or Inf
	case x < -746:
		return 0
	case math.Abs(x) < 0x1p-54:
		return 1 + x
	}
	return expSum(pair{hi: x})
}

// Sinh returns the hyperbolic sine of x.
func Sinh(x float64) float64 {
	a := math.Abs(x)
	var y float64
	switch {
	case !(a > 0x1p-28):
		return x // and NaN
	case a > 711:
		y = inf
	case a < 40:
		p := expm1Pair(pair{hi: a}) // (e^x - e^-x)/2 = (p + p/(1+p))/2
		y = p.add(p.div(p.addFloat(1))).round(-1)
	default:
		e, k := expPair(pair{hi: a})
		y = e.round(k - 1)
	}
	return math.Copysign(y, x)
}

// Cosh returns the hyperbolic cosine of x.
func Cosh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x:
		return x
	case a > 711:
		return inf
	case a < 40:
		e := expm1Pair(pair{hi: a}).addFloat(1)
		return e.add(pair{hi: 1}.div(e)).round(-1)
	}
	e, k := expPair(pair{hi: a})
	return e.round(k - 1)
}

// Tanh returns the hyperbolic tangent of x.
func Tanh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case !(a > 0x1p-28):
		return x // and NaN
	case a > 22:
		return math.Copysign(1, x)
	}
	p := expm1Pair(pair{hi: a + a})
	return math.Copysign(p.div(p.addFloat(2)).round(0), x)
}
