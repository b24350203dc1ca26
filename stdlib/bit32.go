package stdlib

import (
	"math"
	"math/bits"

	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// The bit32 library of Lua 5.2 (manual, section 6.7), which Lua 5.1 has not.

const notIn51 = "not in Lua 5.1; as in Lua 5.2"

var bit32Library = []entry{
	bit32Row("arshift", bit32Shift(arithmeticRight)),
	bit32Row("band", bit32Fold(math.MaxUint32, func(a, b uint32) uint32 { return a & b })),
	bit32Row("bnot", bit32Not),
	bit32Row("bor", bit32Fold(0, func(a, b uint32) uint32 { return a | b })),
	bit32Row("btest", bit32Test),
	bit32Row("bxor", bit32Fold(0, func(a, b uint32) uint32 { return a ^ b })),
	bit32Row("extract", bit32Extract),
	bit32Row("lrotate", bit32Shift(func(x uint32, n int64) uint32 { return bits.RotateLeft32(x, int(n&31)) })),
	bit32Row("lshift", bit32Shift(left)),
	bit32Row("replace", bit32Replace),
	bit32Row("rrotate", bit32Shift(func(x uint32, n int64) uint32 { return bits.RotateLeft32(x, int(-n&31)) })),
	bit32Row("rshift", bit32Shift(func(x uint32, n int64) uint32 { return left(x, -n) })),
}

func bit32Row(name string, fn vm.Func) entry {
	return entry{library: "bit32", name: name, fn: native("bit32."+name, fn), status: differs,
		charge: "one for each argument of band, bor, bxor, btest", note: notIn51, test: "TestBit32"}
}

// checkUint32 returns argument i modulo 2^32, rounded to the nearest integer;
// infinities and NaN are 0.
func checkUint32(c *vm.Call, i int) (uint32, error) {
	f, err := c.CheckNumber(i)
	if err != nil {
		return 0, err
	}
	return toUint32(f), nil
}

// toUint32 does without a conversion of what does not fit, which Go leaves to
// the processor.
func toUint32(f float64) uint32 {
	f = math.RoundToEven(f)
	if math.Abs(f) < 1<<63 {
		return uint32(int64(f))
	}
	// f is an integer m*2^e with m < 2^53.
	m, e := math.Frexp(math.Abs(f))
	shift := e - 53
	if shift >= 32 || math.IsInf(f, 0) || math.IsNaN(f) {
		return 0
	}
	n := uint32(int64(m*(1<<53))) << shift
	if f < 0 {
		return -n
	}
	return n
}

// fold combines all arguments.
func fold(c *vm.Call, all uint32, op func(a, b uint32) uint32) (uint32, error) {
	if err := c.Work(int64(c.NArgs())); err != nil {
		return 0, err
	}
	for i := range c.NArgs() {
		x, err := checkUint32(c, i)
		if err != nil {
			return 0, err
		}
		all = op(all, x)
	}
	return all, nil
}

func bit32Fold(all uint32, op func(a, b uint32) uint32) vm.Func {
	return func(c *vm.Call) error {
		x, err := fold(c, all, op)
		if err != nil {
			return err
		}
		return c.Return(vm.Number(float64(x)))
	}
}

func bit32Test(c *vm.Call) error {
	x, err := fold(c, math.MaxUint32, func(a, b uint32) uint32 { return a & b })
	if err != nil {
		return err
	}
	return c.Return(vm.Bool(x != 0))
}

func bit32Not(c *vm.Call) error {
	x, err := checkUint32(c, 0)
	if err != nil {
		return err
	}
	return c.Return(vm.Number(float64(^x)))
}

func bit32Shift(op func(x uint32, n int64) uint32) vm.Func {
	return func(c *vm.Call) error {
		x, err := checkUint32(c, 0)
		if err != nil {
			return err
		}
		n, err := checkInt32(c, 1)
		if err != nil {
			return err
		}
		return c.Return(vm.Number(float64(op(x, int64(n)))))
	}
}

// left shifts to the left, or to the right for a negative n. (Go's shifts by 32
// and more give 0.)
func left(x uint32, n int64) uint32 {
	if n < 0 {
		return x >> uint64(-n)
	}
	return x << uint64(n)
}

// arithmeticRight shifts to the right, filling with the highest bit.
func arithmeticRight(x uint32, n int64) uint32 {
	if n < 0 {
		return left(x, -n)
	}
	return uint32(int32(x) >> uint64(n))
}

// fieldMask checks the field and width of extract and replace, which are
// arguments i and i+1, and returns the field's place and its mask at place 0.
func fieldMask(c *vm.Call, i int) (at uint32, mask uint32, err error) {
	field, err := checkInt32(c, i)
	if err != nil {
		return 0, 0, err
	}
	width, err := optInt32(c, i+1, 1)
	if err != nil {
		return 0, 0, err
	}
	if field < 0 {
		return 0, 0, c.ArgError(i, "field cannot be negative")
	}
	if width < 1 {
		return 0, 0, c.ArgError(i+1, "width must be positive")
	}
	if int64(field)+int64(width) > 32 {
		return 0, 0, c.Errorf("trying to access non-existent bits")
	}
	return uint32(field), math.MaxUint32 >> uint32(32-width), nil
}

func bit32Extract(c *vm.Call) error {
	x, err := checkUint32(c, 0)
	if err != nil {
		return err
	}
	at, mask, err := fieldMask(c, 1)
	if err != nil {
		return err
	}
	return c.Return(vm.Number(float64(x >> at & mask)))
}

func bit32Replace(c *vm.Call) error {
	x, err := checkUint32(c, 0)
	if err != nil {
		return err
	}
	v, err := checkUint32(c, 1)
	if err != nil {
		return err
	}
	at, mask, err := fieldMask(c, 2)
	if err != nil {
		return err
	}
	return c.Return(vm.Number(float64(x&^(mask<<at) | v&mask<<at)))
}
