package libm

import (
	"math"
	"math/bits"
)

// twoOverPi is 2/pi = 0.a2f98... in 1344 bits, enough for the largest float.
var twoOverPi = [21]uint64{
	0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041,
	0xfe5163abdebbc561, 0xb7246e3a424dd2e0, 0x06492eea09d1921c,
	0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41,
	0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
	0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
	0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08,
	0x56033046fc7b6bab, 0xf0cfbc209af4361d, 0xa9e391615ee61b08,
}

var (
	piPair     = pair{0x1.921fb54442d18p+1, 0x1.1a62633145c07p-53}
	halfPiPair = pair{0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54}
)

// reduceTrig returns the multiple of pi/2 nearest to x, modulo 4, and what is
// left of x, at most pi/4 in size (Payne and Hanek, "Radian reduction for
// trigonometric functions", 1983). x is finite.
func reduceTrig(x float64) (quadrant int, r pair) {
	if math.Abs(x) < math.Pi/4 {
		return 0, pair{hi: x}
	}
	b := math.Float64bits(x)
	e := int(b>>52&0x7ff) - 1075
	m := b&(1<<52-1) | 1<<52 // |x| = m*2^e

	// Bits of 2/pi that give multiples of 4 are left out; 256 that follow are taken.
	skip := max(e-2, 0)
	word, bit := skip/64, uint(skip%64)
	var product [5]uint64 // of m and those bits, the highest word first
	for i := 3; i >= 0; i-- {
		w := twoOverPi[word+i]<<bit | twoOverPi[word+i+1]>>(64-bit)
		hi, lo := bits.Mul64(m, w)
		var carry uint64
		product[i+1], carry = bits.Add64(product[i+1], lo, 0)
		product[i] = hi + carry
	}
	// Shifted so that two bits of the whole part are followed by 254 of the fraction.
	f := [4]uint64(product[1:])
	if e < 2 {
		shift := uint(2 - e)
		for i := range f {
			f[i] = product[i+1]>>shift | product[i]<<(64-shift)
		}
	}
	quadrant = int(f[0] >> 62)
	f[0] &= 1<<62 - 1
	sign := 1.0
	if f[0]>>61 != 0 { // nearer to the next multiple
		quadrant++
		sign = -1
		var borrow uint64
		for i := 3; i >= 0; i-- {
			f[i], borrow = bits.Sub64(0, f[i], borrow)
		}
		f[0] &= 1<<62 - 1
	}
	if x < 0 {
		quadrant, sign = -quadrant, -sign
	}
	return quadrant & 3, fraction(f).mul(halfPiPair).mulFloat(sign)
}

// fraction returns f*2^-254, f being one number of four words.
func fraction(f [4]uint64) pair {
	k := 2
	for f[0] == 0 && k < 194 { // no float is nearer than 2^-64 to a multiple of pi/2
		f = [4]uint64{f[1], f[2], f[3], 0}
		k -= 64
	}
	zeros := uint(bits.LeadingZeros64(f[0]))
	a := f[0]<<zeros | f[1]>>(64-zeros)
	b := f[1]<<zeros | f[2]>>(64-zeros)
	// 53 bits, and 53 more.
	hi := float64(a >> 11)
	lo := float64(a<<53>>11 | b>>22)
	k -= int(zeros)
	return quickSum(math.Ldexp(hi, k-53), math.Ldexp(lo, k-106))
}

// Coefficients of the series: pairs while floats are not exact enough, then floats.
var (
	sinPairs = [...]pair{
		{-0x1.5555555555555p-3, -0x1.5555555555555p-57},
		{0x1.1111111111111p-7, 0x1.1111111111111p-63},
		{-0x1.a01a01a01a01ap-13, -0x1.a01a01a01a01ap-73},
		{0x1.71de3a556c734p-19, -0x1.c154f8ddc6c00p-73},
	}
	sinTail = [...]float64{ // 1/11! to 1/23!
		-0x1.ae64567f544e4p-26, 0x1.6124613a86d09p-33, -0x1.ae7f3e733b81fp-41, 0x1.952c77030ad4ap-49, -0x1.2f49b46814157p-57, 0x1.71b8ef6dcf572p-66, -0x1.761b41316381ap-75,
	}
	cosPairs = [...]pair{
		{-0.5, 0},
		{0x1.5555555555555p-5, 0x1.5555555555555p-59},
		{-0x1.6c16c16c16c17p-10, 0x1.f49f49f49f49fp-65},
		{0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-76},
		{-0x1.27e4fb7789f5cp-22, -0x1.cbbc05b4fa99ap-76},
	}
	cosTail = [...]float64{ // 1/12! to 1/22!
		0x1.1eed8eff8d898p-29, -0x1.93974a8c07c9dp-37, 0x1.ae7f3e733b81fp-45, -0x1.6827863b97d97p-53, 0x1.e542ba4020225p-62, -0x1.0ce396db7f853p-70,
	}
)

// series returns z*(c[0] + z*(c[1] + ... z*(d[0] + z*d[1] ...))).
func series(z pair, c []pair, d []float64) pair {
	tail := 0.0
	for i := len(d) - 1; i >= 0; i-- {
		tail = float64(z.hi * (d[i] + tail))
	}
	s := c[len(c)-1].addFloat(tail)
	for i := len(c) - 2; i >= 0; i-- {
		s = c[i].addSmall(z.mul(s))
	}
	return z.mul(s)
}

// sinPair and cosPair are for an r of at most pi/4 in size.
func sinPair(r pair) pair { return r.addSmall(series(r.mul(r), sinPairs[:], sinTail[:]).mul(r)) }
func cosPair(r pair) pair { return pair{hi: 1}.addSmall(series(r.mul(r), cosPairs[:], cosTail[:])) }

// small reports an x so small that it is its own sine and tangent.
func small(x float64) bool { return !(math.Abs(x) > 0x1p-28) }

// Sin returns the sine of x.
func Sin(x float64) float64 {
	if math.IsInf(x, 0) {
		return nan
	}
	if small(x) {
		return x
	}
	n, r := reduceTrig(x)
	return sinQuadrant(n, r)
}

// Cos returns the cosine of x.
func Cos(x float64) float64 {
	if x != x || math.IsInf(x, 0) {
		return nan
	}
	n, r := reduceTrig(x)
	return sinQuadrant(n+1, r)
}

// sinQuadrant returns the sine of n*pi/2 + r.
func sinQuadrant(n int, r pair) float64 {
	y := r
	if n&1 == 0 {
		y = sinPair(r)
	} else {
		y = cosPair(r)
	}
	if n&2 != 0 {
		y = y.neg()
	}
	return y.round(0)
}

// Tan returns the tangent of x.
func Tan(x float64) float64 {
	if math.IsInf(x, 0) {
		return nan
	}
	if small(x) {
		return x
	}
	n, r := reduceTrig(x)
	s, c := sinPair(r), cosPair(r)
	if n&1 == 0 {
		return s.div(c).round(0)
	}
	return c.neg().div(s).round(0)
}

// atanPair returns the arc tangent of y/x, both positive.
func atanPair(y, x pair) pair {
	if y.hi > x.hi {
		return halfPiPair.sub(atanPair(x, y))
	}
	// A polynomial gives some 16 bits (Hastings, "Approximations for digital
	// computers", 1955); the angle that is left is the sum of a short series.
	t := y.hi / x.hi
	u := float64(t * t)
	guess := float64(u * 0.0208351)
	guess = float64(u * (guess - 0.0851330))
	guess = float64(u * (guess + 0.1801410))
	guess = float64(u * (guess - 0.3302995))
	guess = float64(t * (guess + 0.9998660))
	g := pair{hi: guess}
	s, c := sinPair(g), cosPair(g)
	d := y.mul(c).sub(x.mul(s)).div(x.mul(c).add(y.mul(s)))
	v := float64(d.hi * d.hi)
	d = d.addFloat(-float64(d.hi * (float64(v * (1.0/3 - float64(v*(1.0/5)))))))
	return d.add(g)
}

// Atan returns the arc tangent of x.
func Atan(x float64) float64 { return Atan2(x, 1) }

// Atan2 returns the angle of the point (x, y), with the special cases of C's
// atan2 (C99, F.9.1.4).
func Atan2(y, x float64) float64 {
	switch {
	case x != x || y != y:
		return nan
	case math.IsInf(x, 0) && math.IsInf(y, 0):
		a := float64(math.Pi / 4)
		if x < 0 {
			a = piPair.mulFloat(0.75).hi
		}
		return math.Copysign(a, y)
	case y == 0 || math.IsInf(x, 0):
		if math.Signbit(x) {
			return math.Copysign(math.Pi, y)
		}
		return math.Copysign(0, y)
	case x == 0 || math.IsInf(y, 0):
		return math.Copysign(math.Pi/2, y)
	}
	ey, ex := exponent(y), exponent(x)
	switch {
	case ey-ex > 64:
		return math.Copysign(math.Pi/2, y)
	case ey-ex < -64 && x < 0:
		return math.Copysign(math.Pi, y)
	case ey-ex < -64:
		return y / x
	}
	// Scaled to where nothing overflows or is lost.
	a := atanPair(pair{hi: math.Ldexp(math.Abs(y), -ex)}, pair{hi: math.Ldexp(math.Abs(x), -ex)})
	if x < 0 {
		a = piPair.sub(a)
	}
	return math.Copysign(a.round(0), y)
}

func exponent(x float64) int {
	_, e := math.Frexp(x)
	return e
}

// Asin returns the arc sine of x.
func Asin(x float64) float64 {
	switch {
	case small(x):
		return x
	case math.Abs(x) > 1:
		return nan
	case math.Abs(x) == 1:
		return math.Copysign(math.Pi/2, x)
	}
	return math.Copysign(atanPair(pair{hi: math.Abs(x)}, cathetus(x)).round(0), x)
}

// Acos returns the arc cosine of x.
func Acos(x float64) float64 {
	switch {
	case x != x || math.Abs(x) > 1:
		return nan
	case x == 1:
		return 0
	case x == -1:
		return math.Pi
	case math.Abs(x) < 0x1p-60:
		return math.Pi / 2
	}
	a := atanPair(cathetus(x), pair{hi: math.Abs(x)})
	if x < 0 {
		a = piPair.sub(a)
	}
	return a.round(0)
}

// cathetus returns the root of 1 - x^2, for an x between -1 and 1.
func cathetus(x float64) pair {
	return pair{hi: 1}.add(pair{hi: x}).mul(pair{hi: 1}.sub(pair{hi: x})).sqrt()
}
