package stdlib

import (
	"math"
	"math/rand/v2"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
	"github.com/luasandbox/modrunner/luasandbox/vm/libm"
)

const pi = math.Pi

var inf = math.Inf(1)

const (
	chargeMath   = "MathCall"
	chargeSeries = "MathSeries"
	chargePower  = "MathPower"

	// lastDigit and lastDigitOften were counted over 40,000 arguments each.
	lastDigit      = "the float nearest to the exact result, the same on every processor; the GNU C library gives its neighbour for one argument in 500 or more"
	lastDigitOften = "the float nearest to the exact result, the same on every processor; the GNU C library gives its neighbour for one argument in 4 to 30"
)

var mathLibrary = []entry{
	mathFunction("abs", math.Abs),
	mathSeries("acos", libm.Acos, lastDigit),
	mathSeries("asin", libm.Asin, lastDigit),
	mathSeries("atan", libm.Atan, lastDigit),
	mathSeries2("atan2", libm.Atan2, chargeSeries, limits.MathSeries),
	mathFunction("ceil", math.Ceil),
	mathSeries("cos", libm.Cos, lastDigit),
	mathSeries("cosh", libm.Cosh, lastDigitOften),
	mathFunction("deg", func(x float64) float64 { return x / (pi / 180) }),
	mathSeries("exp", libm.Exp, lastDigit),
	mathFunction("floor", math.Floor),
	mathRow("fmod", fmodNative, full, chargeMath+" and FmodPerBit for the difference of the exponents", ""),
	mathRow("frexp", native("math.frexp", mathFrexp), full, chargeMath, ""),
	mathRow("ldexp", native("math.ldexp", mathLdexp), full, chargeMath, ""),
	mathSeries("log", libm.Log, lastDigit),
	mathSeries("log10", libm.Log10, lastDigitOften),
	mathRow("max", native("math.max", mathMax), full, "one for each argument", ""),
	mathRow("min", native("math.min", mathMin), full, "one for each argument", ""),
	mathRow("mod", fmodNative, full, "as fmod", ""),
	mathRow("modf", native("math.modf", mathModf), full, chargeMath, ""),
	mathSeries2("pow", libm.Pow, chargePower, limits.MathPower),
	mathFunction("rad", func(x float64) float64 { return x * (pi / 180) }),
	{library: "math", name: "random", fn: native("math.random", mathRandom), status: differs, charge: chargeMath,
		note: "a generator of the sandbox's own (PCG), with 53 random bits, seeded by the host: the same on every run and machine",
		test: "TestRandom"},
	{library: "math", name: "randomseed", fn: native("math.randomseed", mathRandomSeed), status: differs, charge: chargeMath,
		note: "seeds the sandbox's own generator; the sequence is not the C library's", test: "TestRandom"},
	mathSeries("sin", libm.Sin, lastDigit),
	mathSeries("sinh", libm.Sinh, lastDigitOften),
	mathFunction("sqrt", math.Sqrt),
	mathSeries("tan", libm.Tan, lastDigit),
	mathSeries("tanh", libm.Tanh, lastDigitOften),
}

func mathRow(name string, fn *vm.Native, s status, charge, note string) entry {
	return entry{library: "math", name: name, fn: fn, status: s, charge: charge, note: note, test: "TestOracle/math_exact"}
}

// mathFunction is the row of an exact function of one number.
func mathFunction(name string, f func(float64) float64) entry {
	return mathRow(name, unary(name, f, limits.MathCall), full, chargeMath, "")
}

// mathSeries is the row of a function of one number that package libm works out.
func mathSeries(name string, f func(float64) float64, note string) entry {
	e := mathRow(name, unary(name, f, limits.MathSeries), differs, chargeSeries, note)
	e.test = "TestMathLastDigits"
	return e
}

// mathSeries2 is mathSeries for two numbers.
func mathSeries2(name string, f func(x, y float64) float64, charge string, price int64) entry {
	fn := native("math."+name, func(c *vm.Call) error {
		x, y, err := checkNumbers(c)
		if err != nil {
			return err
		}
		if err := c.Work(price); err != nil {
			return err
		}
		return c.Return(vm.Number(f(x, y)))
	})
	e := mathRow(name, fn, differs, charge, lastDigit)
	e.test = "TestMathLastDigits"
	return e
}

func unary(name string, f func(float64) float64, price int64) *vm.Native {
	return native("math."+name, func(c *vm.Call) error {
		x, err := c.CheckNumber(0)
		if err != nil {
			return err
		}
		if err := c.Work(price); err != nil {
			return err
		}
		return c.Return(vm.Number(f(x)))
	})
}

// checkNumbers checks the second argument first, as C Lua does when compiled by
// the compilers in use.
func checkNumbers(c *vm.Call) (x, y float64, err error) {
	if y, err = c.CheckNumber(1); err != nil {
		return 0, 0, err
	}
	x, err = c.CheckNumber(0)
	return x, y, err
}

var fmodNative = native("math.fmod", func(c *vm.Call) error {
	x, y, err := checkNumbers(c)
	if err != nil {
		return err
	}
	if err := c.Work(limits.MathCall + fmodBits(x, y)*limits.FmodPerBit); err != nil {
		return err
	}
	return c.Return(vm.Number(math.Mod(x, y)))
})

// fmodBits is how many bits math.Mod will subtract one by one.
func fmodBits(x, y float64) int64 {
	_, ex := math.Frexp(x)
	_, ey := math.Frexp(y)
	return int64(max(ex-ey, 0))
}

func mathFrexp(c *vm.Call) error {
	x, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	if err := c.Work(limits.MathCall); err != nil {
		return err
	}
	m, e := math.Frexp(x)
	return c.Return(vm.Number(m), vm.Int(e))
}

func mathLdexp(c *vm.Call) error {
	e, err := checkInt32(c, 1) // first, as in checkNumbers
	if err != nil {
		return err
	}
	m, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	if err := c.Work(limits.MathCall); err != nil {
		return err
	}
	return c.Return(vm.Number(math.Ldexp(m, int(e))))
}

func mathModf(c *vm.Call) error {
	x, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	if err := c.Work(limits.MathCall); err != nil {
		return err
	}
	whole, fraction := math.Trunc(x), 0.0
	if !math.IsInf(x, 0) {
		fraction = x - whole
	}
	return c.Return(vm.Number(whole), vm.Number(math.Copysign(fraction, x)))
}

func mathMax(c *vm.Call) error {
	return choose(c, func(x, best float64) bool { return x > best })
}

func mathMin(c *vm.Call) error {
	return choose(c, func(x, best float64) bool { return x < best })
}

// choose returns the argument that is better than all before it.
func choose(c *vm.Call, better func(x, best float64) bool) error {
	best, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	if err := c.Work(int64(c.NArgs())); err != nil {
		return err
	}
	for i := 1; i < c.NArgs(); i++ {
		x, err := c.CheckNumber(i)
		if err != nil {
			return err
		}
		if better(x, best) {
			best = x
		}
	}
	return c.Return(vm.Number(best))
}

// seedStream is the second half of every seed: a fixed stream of the generator.
const seedStream = 0x9e3779b97f4a7c15

func newGenerator(seed uint64) *rand.PCG { return rand.NewPCG(seed, seedStream) }

func mathRandom(c *vm.Call) error {
	if err := c.Work(limits.MathCall); err != nil {
		return err
	}
	// Drawn before the arguments are looked at, as in C Lua.
	r := float64(libraryOf(c).random.Uint64()>>11) / (1 << 53)
	lo, hi, bad := int32(1), int32(0), 0
	var err error
	switch c.NArgs() {
	case 0:
		return c.Return(vm.Number(r))
	case 1:
		hi, err = checkInt32(c, 0)
	case 2:
		if lo, err = checkInt32(c, 0); err == nil {
			hi, err = checkInt32(c, 1)
		}
		bad = 1
	default:
		return c.Errorf("wrong number of arguments")
	}
	if err != nil {
		return err
	}
	if lo > hi {
		return c.ArgError(bad, "interval is empty")
	}
	n := float64(int64(hi) - int64(lo) + 1)
	return c.Return(vm.Number(math.Floor(r*n) + float64(lo)))
}

func mathRandomSeed(c *vm.Call) error {
	seed, err := c.CheckInt(0)
	if err != nil {
		return err
	}
	if err := c.Work(limits.MathCall); err != nil {
		return err
	}
	libraryOf(c).random.Seed(uint64(seed), seedStream)
	return c.Return()
}
